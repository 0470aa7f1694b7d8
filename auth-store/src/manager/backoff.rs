//! Pauses between the retries of a compare-and-swap.
//!
//! They grow and are random, so that writers on different nodes rarely collide again.

use std::time::Duration;

use auth_core::{AuthError, AuthErrorKind};
use tokio::runtime::Handle;
use tokio::time::Instant;

/// How many retries follow without a pause. Two writers that collide by chance rarely collide again.
const AT_ONCE: u32 = 2;
/// The upper bound of the first pause; it doubles with each retry.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
/// The upper bound of every pause. It is short, so that a writer that has waited long is not slower
/// than one that has just begun.
const LONGEST_PAUSE: Duration = Duration::from_millis(16);
/// How long a writer retries, including the time that the store takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// The retries of one writer. Writers on one node [take turns](super::locks), so it competes with at
/// most one writer per node.
#[derive(Debug)]
pub(crate) struct Backoff {
    tries: u32,
    since: Instant,
}

impl Backoff {
    /// Starts the timeout, before the first try.
    pub(crate) fn new() -> Self {
        Self { tries: 0, since: Instant::now() }
    }

    /// Pauses before the next try, for a random time, so that writers that collided do not collide
    /// again.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) three seconds after the first try.
    pub(crate) async fn pause(&mut self) -> Result<(), AuthError> {
        self.tries += 1;
        if self.since.elapsed() > TIMEOUT {
            let conflicts = "timed out because other writers kept changing the sign-in";
            return Err(AuthError::new(AuthErrorKind::Unavailable, conflicts));
        }
        let Some(doublings) = self.tries.checked_sub(AT_ONCE + 1) else { return Ok(()) };
        let most = (FIRST_PAUSE * (1 << doublings.min(10))).min(LONGEST_PAUSE);
        // Without randomness, every writer pauses for as long as possible.
        let part = getrandom::u32().unwrap_or(u32::MAX);
        let pause = most.mul_f64(f64::from(part) / f64::from(u32::MAX));
        // Stores that nodes share need a runtime. Without one, the store is in this process, and a
        // conflict is short.
        if Handle::try_current().is_ok() {
            Box::pin(tokio::time::sleep(pause)).await; // boxed because it is large and rare
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For fast and slow stores.
    #[tokio::test(start_paused = true)]
    async fn retries_end_after_the_timeout_and_pauses_are_short() {
        for trip in [0, 1, 100] {
            let trip = Duration::from_millis(trip);
            let (mut backoff, mut times) = (Backoff::new(), 0);
            let start = Instant::now();
            while backoff.pause().await.is_ok() {
                tokio::time::sleep(trip).await;
                times += 1;
                assert!(times < 5_000, "the retries never end");
            }
            let took = start.elapsed();
            assert!(times * (trip + LONGEST_PAUSE) > TIMEOUT - LONGEST_PAUSE, "{times} tries");
            assert!(took <= TIMEOUT + trip + LONGEST_PAUSE + Duration::from_millis(2), "{took:?}");
        }
    }
}
