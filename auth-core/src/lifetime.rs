//! [`Lifetime`]: how long a sign-in lasts.
//!
//! Backends keep it with each sign-in that they store, and decide by it when the sign-in has expired.

use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long a sign-in lasts.
///
/// The idle timeout ends a sign-in that is not used. The absolute timeout ends it regardless of use;
/// only authenticating again extends it. Defaults to [`Lifetime::AAL2`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    idle: Option<Duration>,
    absolute: Duration,
}

impl Lifetime {
    /// 30 days, without an idle timeout (NIST SP 800-63B-4 section 2.1.3).
    pub const AAL1: Self = Self { idle: None, absolute: Duration::from_secs(30 * DAY.as_secs()) };
    /// 24 hours, with an idle timeout of 1 hour (NIST SP 800-63B-4 section 2.2.3).
    pub const AAL2: Self = Self { idle: Some(HOUR), absolute: DAY };
    /// 12 hours, with an idle timeout of 15 minutes (NIST SP 800-63B-4 section 2.3.3).
    pub const AAL3: Self =
        Self { idle: Some(Duration::from_secs(900)), absolute: Duration::from_secs(12 * 3600) };

    /// Creates a lifetime. `None` disables the idle timeout.
    ///
    /// # Errors
    ///
    /// Returns an error if a timeout is shorter than one second, which would end every sign-in at once.
    pub fn new(idle: Option<Duration>, absolute: Duration) -> Result<Self, InvalidLifetime> {
        const MIN: Duration = Duration::from_secs(1);
        if absolute < MIN || idle.is_some_and(|idle| idle < MIN) {
            return Err(InvalidLifetime);
        }
        Ok(Self { idle, absolute })
    }

    /// Returns the idle timeout.
    #[must_use]
    pub fn idle(&self) -> Option<Duration> {
        self.idle
    }

    /// Returns the absolute timeout.
    #[must_use]
    pub fn absolute(&self) -> Duration {
        self.absolute
    }
}

impl Default for Lifetime {
    fn default() -> Self {
        Self::AAL2
    }
}

crate::error_with_message! {
    /// An error for a timeout that is shorter than one second.
    pub struct InvalidLifetime: "idle and absolute timeouts must be at least 1 second"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_10_presets_match_nist() {
        let hours = |h: u64| Duration::from_secs(h * 3600);
        let timeouts = |lifetime: Lifetime| (lifetime.idle(), lifetime.absolute());
        assert_eq!(timeouts(Lifetime::AAL1), (None, hours(30 * 24)));
        assert_eq!(timeouts(Lifetime::AAL2), (Some(hours(1)), hours(24)));
        assert_eq!(timeouts(Lifetime::AAL3), (Some(hours(1) / 4), hours(12)));
        assert_eq!(Lifetime::default(), Lifetime::AAL2);
    }

    #[test]
    fn a_timeout_below_one_second_is_rejected() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Lifetime::new(None, Duration::ZERO), Err(InvalidLifetime));
        assert_eq!(Lifetime::new(Some(Duration::ZERO), hour), Err(InvalidLifetime));
        assert!(Lifetime::new(None, hour).is_ok());
    }
}
