//! Limits how often a password can be guessed.
//!
//! The policy is the application's decision, so the library has none. This one is simple: it counts
//! wrong passwords per username in a fixed amount of memory.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use parking_lot::Mutex;

/// How many wrong passwords are allowed per username and [`WINDOW`].
const MAX_FAILURES: u32 = 10;
/// How long failures count, from the first one.
const WINDOW: Duration = Duration::from_secs(60);
/// The number of counters. A keyed hash of the username selects one, so memory is bounded whatever
/// usernames are tried, and an attacker cannot choose whose counter to fill.
const COUNTERS: usize = 4096;

/// Counts wrong passwords per username, whether or not the username exists.
///
/// An attacker who guesses also locks the user out for a minute. A real shop would count by device
/// and username, or require a second factor.
pub struct Throttle {
    clock: Clock,
    hash: RandomState,
    counters: Mutex<Box<[Counter]>>,
}

#[derive(Clone, Copy, Default)]
struct Counter {
    since: Timestamp,
    failures: u32,
}

impl Throttle {
    /// Creates a throttle that reads the time from `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let counters = Mutex::new(vec![Counter::default(); COUNTERS].into());
        Self { clock, hash: RandomState::new(), counters }
    }

    /// Returns whether a password for this username may be verified now.
    ///
    /// # Errors
    ///
    /// Returns how long to wait, up to a minute, after ten wrong passwords.
    pub fn check(&self, username: &str) -> Result<(), Duration> {
        let counter = self.counters.lock()[self.index(username)];
        let elapsed = self.clock.now().since(counter.since);
        if counter.failures >= MAX_FAILURES && elapsed < WINDOW {
            Err(WINDOW - elapsed)
        } else {
            Ok(())
        }
    }

    /// Counts a wrong password for this username.
    pub fn record_failure(&self, username: &str) {
        let (now, index) = (self.clock.now(), self.index(username));
        let counter = &mut self.counters.lock()[index];
        if now.since(counter.since) >= WINDOW {
            *counter = Counter { since: now, failures: 0 };
        }
        counter.failures += 1;
    }

    fn index(&self, username: &str) -> usize {
        self.hash.hash_one(username) as usize % COUNTERS
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auth_core::ManualClock;

    #[test]
    fn the_eleventh_attempt_within_a_minute_must_wait() {
        let manual = ManualClock::new(Timestamp::from_secs(1_700_000_000));
        let throttle = Throttle::new(manual.clock());
        for _ in 0..MAX_FAILURES {
            assert_eq!(throttle.check("alice"), Ok(()));
            throttle.record_failure("alice");
        }
        manual.advance(Duration::from_secs(20));
        assert_eq!(throttle.check("alice"), Err(Duration::from_secs(40)));
        manual.advance(Duration::from_secs(40));
        assert_eq!(throttle.check("alice"), Ok(()));
        throttle.record_failure("alice");
        assert_eq!(throttle.check("alice"), Ok(()), "a new window starts at zero");
    }

    #[test]
    fn failures_of_one_user_do_not_affect_others() {
        let throttle = Throttle::new(Clock::system());
        for _ in 0..MAX_FAILURES {
            throttle.record_failure("alice");
        }
        let others = (0..100).filter(|n| throttle.check(&format!("user {n}")).is_ok());
        assert!(others.count() > 95, "one of 4096 counters is full");
    }
}
