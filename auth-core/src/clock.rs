//! The only place that reads the time.
//!
//! Everything that decides by time takes a [`Clock`], so a test turns it instead of waiting. The
//! `clippy.toml` of the workspace bans `SystemTime::now` and `Instant::now` everywhere else.

use std::fmt;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A moment: milliseconds since the Unix epoch, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch itself.
    pub const EPOCH: Self = Self(0);
    /// Later than every other moment: what never ends, ends here.
    pub const MAX: Self = Self(u64::MAX);

    /// A moment so many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// A moment so many seconds after the epoch; saturates.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch (the `NumericDate` of RFC 7519), rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// The moment `duration` earlier, or the epoch.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

/// Saturates at [`Timestamp::MAX`].
impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

fn millis(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1000).saturating_add(u64::from(duration.subsec_millis()))
}

/// Tells the time: the system's, or a [`ManualClock`]'s. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Clock(pub(crate) TimeSource);

#[derive(Clone, Debug, Default)]
pub(crate) enum TimeSource {
    #[default]
    System,
    Manual(Arc<ManualTime>),
}

/// What a [`ManualClock`] turns, and its clocks show.
#[derive(Debug)]
pub(crate) struct ManualTime {
    millis: AtomicU64,
    turned: Notify,
}

impl ManualTime {
    fn shows(&self) -> u64 {
        self.millis.load(Ordering::SeqCst)
    }

    /// The next turn after this call.
    pub(crate) fn turned(&self) -> Notified<'_> {
        self.turned.notified()
    }
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(TimeSource::System)
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            TimeSource::System => Timestamp(system_millis()),
            TimeSource::Manual(hand) => Timestamp(hand.shows()),
        }
    }

    /// Time that has gone by since some fixed moment, also while the machine slept. Unlike
    /// [`now`](Self::now) it never jumps: it measures how long something took, and nothing else.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            TimeSource::System => system_monotonic(),
            TimeSource::Manual(hand) => Duration::from_millis(hand.shows()),
        }
    }
}

#[cfg(target_os = "linux")]
fn system_monotonic() -> Duration {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let part = |part: i64| u64::try_from(part).unwrap_or(0);
    Duration::from_secs(part(at.tv_sec)) + Duration::from_nanos(part(at.tv_nsec))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // this is the place
fn system_monotonic() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// The time of the last tick, at most a few milliseconds old: a fifth of the cost of the exact one,
/// on every request.
#[cfg(target_os = "linux")]
fn system_millis() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let secs = u64::try_from(now.tv_sec).unwrap_or(0);
    secs.saturating_mul(1000).saturating_add(u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // this is the place
fn system_millis() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A clock for tests: it stands still until it is turned.
///
/// ```
/// use std::time::Duration;
/// use auth_core::{ManualClock, Timestamp};
///
/// let hand = ManualClock::new(Timestamp::from_secs(1_700_000_000));
/// let clock = hand.clock();
/// hand.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().as_secs(), 1_700_000_060);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<ManualTime>);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(ManualTime { millis: AtomicU64::new(start.0), turned: Notify::new() }))
    }

    /// The clock to hand to the code under test; it follows this hand.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(TimeSource::Manual(Arc::clone(&self.0)))
    }

    /// Turns every clock of this hand forward, and wakes whoever waits for the moment that it then
    /// shows.
    pub fn advance(&self, by: Duration) {
        self.0.millis.fetch_add(millis(by), Ordering::SeqCst);
        self.0.turned.notify_waiters();
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.shows())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_saturate_instead_of_wrapping() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::from_secs(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::EPOCH.before(Duration::from_secs(1)), Timestamp::EPOCH);
    }

    #[test]
    fn the_system_clock_is_past_the_year_2020() {
        assert!(Clock::system().now() > Timestamp::from_secs(1_577_836_800));
    }
}
