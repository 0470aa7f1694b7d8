//! When a sign-in expires.
//!
//! [`Lifetime`] is what an application configures, [`Deadlines`] what a record keeps of it. Every
//! decision about expiry is made here, against the caller's clock.

use std::time::Duration;

use auth_core::{Lifetime, Timestamp};

/// The deadline that a sign-in has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// The idle timeout. Only the stored record can prove this: a copy may miss the latest use.
    Idle {
        /// The last use that was taken into account. A later one extends the sign-in.
        last_seen: Timestamp,
    },
    /// The absolute timeout.
    Absolute,
}

/// When a sign-in expires, as a record keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// The idle timeout in whole seconds; 0 for none.
    pub idle_secs: u32,
    /// When the absolute timeout ends the sign-in.
    pub ends_at: Timestamp,
}

impl Deadlines {
    /// Returns the deadlines of a sign-in that starts at `now`. An idle timeout is rounded down to whole
    /// seconds.
    #[must_use]
    pub fn starting(lifetime: Lifetime, now: Timestamp) -> Self {
        let secs = |idle: Duration| u32::try_from(idle.as_secs()).unwrap_or(u32::MAX);
        Self { idle_secs: lifetime.idle().map_or(0, secs), ends_at: now + lifetime.absolute() }
    }

    /// Returns deadlines that are no later than these or the others.
    pub(crate) fn at_most(self, other: Self) -> Self {
        let idle = [self.idle_secs, other.idle_secs].into_iter().filter(|idle| *idle > 0);
        Self { idle_secs: idle.min().unwrap_or(0), ends_at: self.ends_at.min(other.ends_at) }
    }

    /// Returns which deadline a sign-in that was last used at `last_seen` has reached, or `None`.
    #[must_use]
    pub fn expiry(&self, last_seen: Timestamp, now: Timestamp) -> Option<Expiry> {
        if now >= self.ends_at {
            return Some(Expiry::Absolute);
        }
        let idle = u64::from(self.idle_secs) * 1000;
        let unused = now.as_millis().saturating_sub(last_seen.as_millis());
        (idle > 0 && unused >= idle).then_some(Expiry::Idle { last_seen })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deadline_is_reached_at_its_moment() {
        let at = Timestamp::from_secs;
        let lifetime =
            Lifetime::new(Some(Duration::from_secs(10)), Duration::from_secs(100)).unwrap();
        let deadlines = Deadlines::starting(lifetime, at(1000));
        assert_eq!(deadlines.expiry(at(1000), at(1009)), None);
        let idle = Expiry::Idle { last_seen: at(1000) };
        assert_eq!(deadlines.expiry(at(1000), at(1010)), Some(idle));
        assert_eq!(deadlines.expiry(at(1095), at(1099)), None);
        assert_eq!(deadlines.expiry(at(1099), at(1100)), Some(Expiry::Absolute));
        assert_eq!(
            deadlines.expiry(at(1001), at(1000)),
            None,
            "a clock that is set back ends no sign-in"
        );
    }
}
