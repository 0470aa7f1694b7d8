//! Trying again when others were faster.

use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind};
use tokio::runtime::Handle;
use tokio::time::Instant;

/// So many times in a row without a pause: two that meet by chance do not meet again.
const AT_ONCE: u32 = 2;
/// The longest first pause; it doubles with each try.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause. Short, so that whoever has waited long is not slower than who comes new.
const LONGEST_PAUSE: Duration = Duration::from_millis(16);
/// For how long is tried in all, with all that the store takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// How long somebody has tried to change what others change as well. Writers on one node are in
/// line, so these others are as many as there are nodes.
#[derive(Debug)]
pub(super) struct Backoff {
    tries: u32,
    since: Instant,
}

impl Backoff {
    /// Begins with the first try.
    pub(super) fn new() -> Self {
        Self { tries: 0, since: Instant::now() }
    }

    /// Pauses before the next try: for a random time, so that those who met do not meet again.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) three seconds after the first try.
    pub(super) async fn pause(&mut self) -> Result<(), AuthError> {
        self.tries += 1;
        if self.since.elapsed() > TIMEOUT {
            let others = "others changed the sign-in again and again";
            return Err(AuthError::new(AuthErrorKind::Unavailable, others));
        }
        let Some(doublings) = self.tries.checked_sub(AT_ONCE + 1) else { return Ok(()) };
        let most = (FIRST_PAUSE * (1 << doublings.min(10))).min(LONGEST_PAUSE);
        // Without randomness everybody pauses for as long as possible.
        let part = getrandom::u32().unwrap_or(u32::MAX);
        let pause = most.mul_f64(f64::from(part) / f64::from(u32::MAX));
        // Stores that several nodes share need a runtime; others are not contended for that long.
        if Handle::try_current().is_ok() {
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// However slow the store is.
    #[tokio::test(start_paused = true)]
    async fn patience_is_bounded_and_pauses_are_short() {
        for trip in [0, 1, 100] {
            let trip = Duration::from_millis(trip);
            let (mut backoff, mut times) = (Backoff::new(), 0);
            let start = Instant::now();
            while backoff.pause().await.is_ok() {
                tokio::time::sleep(trip).await;
                times += 1;
                assert!(times < 5_000, "it never ends");
            }
            let took = start.elapsed();
            assert!(times * (trip + LONGEST_PAUSE) > TIMEOUT - LONGEST_PAUSE, "{times} tries");
            assert!(took <= TIMEOUT + trip + LONGEST_PAUSE + Duration::from_millis(2), "{took:?}");
        }
    }
}
