//! How often a password may be guessed.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use parking_lot::Mutex;

/// How many wrong passwords per username and [`WINDOW`].
const MOST: u32 = 10;
/// How long they count, from the first one on.
const WINDOW: Duration = Duration::from_secs(60);
/// How many counters there are. Usernames share them by a keyed hash, so that memory is bounded
/// whatever names are tried, and nobody can choose whose counter to fill.
const COUNTERS: usize = 4096;

/// Counts wrong passwords per username, known or not, in a fixed amount of memory.
///
/// Somebody who guesses locks the user out for a minute, too. A real shop would rather count by
/// device and username, or ask for a second factor; what it does is the application's to decide.
pub struct Throttle {
    clock: Clock,
    hash: RandomState,
    counters: Mutex<Box<[Counter]>>,
}

#[derive(Clone, Copy, Default)]
struct Counter {
    since: Timestamp,
    wrong: u32,
}

impl Throttle {
    /// A throttle that goes by this clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let counters = Mutex::new(vec![Counter::default(); COUNTERS].into());
        Self { clock, hash: RandomState::new(), counters }
    }

    /// Whether a password may be tried now.
    ///
    /// # Errors
    /// How long to wait: up to a minute.
    pub fn admit(&self, username: &str) -> Result<(), Duration> {
        let counter = self.counters.lock()[self.place(username)];
        let passed = self.clock.now().since(counter.since);
        if counter.wrong >= MOST && passed < WINDOW { Err(WINDOW - passed) } else { Ok(()) }
    }

    /// Counts a wrong password.
    pub fn wrong(&self, username: &str) {
        let (now, place) = (self.clock.now(), self.place(username));
        let counter = &mut self.counters.lock()[place];
        if now.since(counter.since) >= WINDOW {
            *counter = Counter { since: now, wrong: 0 };
        }
        counter.wrong += 1;
    }

    fn place(&self, username: &str) -> usize {
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
    fn the_eleventh_wrong_password_of_a_minute_waits() {
        let hand = ManualClock::new(Timestamp::from_secs(1_700_000_000));
        let throttle = Throttle::new(hand.clock());
        for _ in 0..MOST {
            assert_eq!(throttle.admit("alice"), Ok(()));
            throttle.wrong("alice");
        }
        hand.advance(Duration::from_secs(20));
        assert_eq!(throttle.admit("alice"), Err(Duration::from_secs(40)));
        hand.advance(Duration::from_secs(40));
        assert_eq!(throttle.admit("alice"), Ok(()));
        throttle.wrong("alice");
        assert_eq!(throttle.admit("alice"), Ok(()), "a new minute counts anew");
    }

    #[test]
    fn other_users_do_not_wait() {
        let throttle = Throttle::new(Clock::system());
        for _ in 0..MOST {
            throttle.wrong("alice");
        }
        let others = (0..100).filter(|n| throttle.admit(&format!("user {n}")).is_ok());
        assert!(others.count() > 95, "a counter in 4096 is shared");
    }
}
