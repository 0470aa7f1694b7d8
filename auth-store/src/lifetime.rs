//! How long a sign-in lasts.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use auth_core::Timestamp;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a sign-in lasts: unused (idle), and at most (absolute). Use alone never carries it past
/// the absolute limit; signing in again starts both anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    idle: Option<Duration>,
    absolute: Duration,
}

impl Lifetime {
    /// NIST SP 800-63B-4 section 2.1.3: 30 days, no idle limit.
    pub const AAL1: Self = Self { idle: None, absolute: Duration::from_secs(30 * DAY.as_secs()) };
    /// NIST SP 800-63B-4 section 2.2.3: 24 hours, 1 hour idle.
    pub const AAL2: Self = Self { idle: Some(HOUR), absolute: DAY };
    /// NIST SP 800-63B-4 section 2.3.3: 12 hours, 15 minutes idle.
    pub const AAL3: Self =
        Self { idle: Some(Duration::from_secs(900)), absolute: Duration::from_secs(12 * 3600) };

    /// A lifetime of these limits; `None` for no idle limit.
    ///
    /// # Errors
    /// If a limit is shorter than a second, which would end every sign-in at once.
    pub fn new(idle: Option<Duration>, absolute: Duration) -> Result<Self, InvalidLifetime> {
        const LEAST: Duration = Duration::from_secs(1);
        if absolute < LEAST || idle.is_some_and(|idle| idle < LEAST) {
            return Err(InvalidLifetime);
        }
        Ok(Self { idle, absolute })
    }

    /// The idle limit.
    #[must_use]
    pub fn idle(&self) -> Option<Duration> {
        self.idle
    }

    /// The absolute limit.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        self.absolute
    }
}

/// [`Lifetime::AAL2`].
impl Default for Lifetime {
    fn default() -> Self {
        Self::AAL2
    }
}

/// A limit is shorter than a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidLifetime;

impl fmt::Display for InvalidLifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an idle or absolute limit is at least one second")
    }
}

impl Error for InvalidLifetime {}

/// Which limit a sign-in has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It was not used for too long. Only the stored record decides that, never a copy of it: a
    /// copy does not hear of every use.
    Idle,
    /// It has lasted as long as it may.
    Absolute,
}

/// The limits as a record keeps them. Idle time is counted in whole seconds; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// How many seconds it may stay unused; 0 for any.
    pub idle_secs: u32,
    /// When it ends whatever the client does.
    pub ends_at: Timestamp,
}

impl Deadlines {
    /// The limits of a sign-in that starts now.
    #[must_use]
    pub fn starting(lifetime: Lifetime, now: Timestamp) -> Self {
        let secs = |idle: Duration| u32::try_from(idle.as_secs()).unwrap_or(u32::MAX);
        Self { idle_secs: lifetime.idle.map_or(0, secs), ends_at: now + lifetime.absolute }
    }

    /// Which limit a sign-in that was last used at `last_seen` has reached.
    #[must_use]
    pub fn expiry(&self, last_seen: Timestamp, now: Timestamp) -> Option<Expiry> {
        if now >= self.ends_at {
            return Some(Expiry::Absolute);
        }
        let idle = u64::from(self.idle_secs) * 1000;
        let unused = now.as_millis().saturating_sub(last_seen.as_millis());
        (idle > 0 && unused >= idle).then_some(Expiry::Idle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_10_the_presets_are_those_of_nist() {
        let hours = |h: u64| Duration::from_secs(h * 3600);
        let limits = |lifetime: Lifetime| (lifetime.idle(), lifetime.absolute());
        assert_eq!(limits(Lifetime::AAL1), (None, hours(30 * 24)));
        assert_eq!(limits(Lifetime::AAL2), (Some(hours(1)), hours(24)));
        assert_eq!(limits(Lifetime::AAL3), (Some(hours(1) / 4), hours(12)));
        assert_eq!(Lifetime::default(), Lifetime::AAL2);
    }

    #[test]
    fn a_limit_of_nothing_does_not_build() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Lifetime::new(None, Duration::ZERO), Err(InvalidLifetime));
        assert_eq!(Lifetime::new(Some(Duration::ZERO), hour), Err(InvalidLifetime));
        assert!(Lifetime::new(None, hour).is_ok());
    }

    #[test]
    fn each_limit_is_reached_at_its_moment() {
        let at = Timestamp::from_secs;
        let lifetime =
            Lifetime::new(Some(Duration::from_secs(10)), Duration::from_secs(100)).unwrap();
        let limits = Deadlines::starting(lifetime, at(1000));
        assert_eq!(limits.expiry(at(1000), at(1009)), None);
        assert_eq!(limits.expiry(at(1000), at(1010)), Some(Expiry::Idle));
        assert_eq!(limits.expiry(at(1095), at(1099)), None);
        assert_eq!(limits.expiry(at(1099), at(1100)), Some(Expiry::Absolute));
        assert_eq!(limits.expiry(at(1001), at(1000)), None, "a clock that went back ends nothing");
    }
}
