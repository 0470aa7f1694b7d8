//! The clock: the only module that reads the time or waits for a moment.
//!
//! Everything that decides by time takes a [`Clock`], so that a test sets the time instead of
//! waiting for it. The `clippy.toml` of the workspace bans `SystemTime::now` and `Instant::now`
//! everywhere else.

use std::fmt;
use std::future::Future;
use std::ops::Add;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::event_limits::EventLimits;

/// The longest time between two readings of the system's clock while a future waits for a moment:
/// the clock may be set meanwhile.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// A moment in time: milliseconds since the Unix epoch, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The latest moment. It is the expiry of credentials that never expire.
    pub const MAX: Self = Self(u64::MAX);

    /// Creates the moment this many milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Creates the moment this many seconds after the epoch, saturating at [`MAX`](Self::MAX).
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Returns the milliseconds since the epoch.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the whole seconds since the epoch (the `NumericDate` of RFC 7519), rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Returns the time from `earlier` to this moment, or zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Returns the moment `duration` earlier, saturating at [`EPOCH`](Self::EPOCH).
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

/// A clock: the system's, or one that a [`ManualClock`] controls. Cheap to clone.
///
/// ```
/// use std::time::Duration;
/// use auth_core::Clock;
///
/// let clock = Clock::system();
/// let expires_at = clock.now() + Duration::from_secs(3600);
/// assert!(clock.now() < expires_at);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(TimeSource);

#[derive(Clone, Debug, Default)]
enum TimeSource {
    #[default]
    System,
    Manual(Arc<ManualTime>),
}

impl Clock {
    /// Creates a handle on the system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(TimeSource::System)
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            TimeSource::System => Timestamp(system_millis()),
            TimeSource::Manual(time) => Timestamp(time.millis()),
        }
    }

    /// Returns the time since an unspecified fixed moment. Unlike [`now`](Self::now) it never jumps, so it
    /// measures durations. On Linux it includes the time during which the machine was suspended. On other systems
    /// it is the time of [`Instant`](std::time::Instant), which may leave that out.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            TimeSource::System => system_monotonic(),
            TimeSource::Manual(time) => Duration::from_millis(time.millis()),
        }
    }

    /// Returns `Some` if an event that may occur for every request should be logged, such as "the store
    /// is unavailable": at most ten events of one name in ten seconds. The value is the number of events
    /// that were suppressed since the last one, which the event should state.
    ///
    /// ```
    /// # let clock = auth_core::Clock::system();
    /// if let Some(suppressed) = clock.admit_event("cache unavailable") {
    ///     tracing::warn!(suppressed, "cache unavailable");
    /// }
    /// ```
    #[must_use]
    pub fn admit_event(&self, name: &'static str) -> Option<u64> {
        static SYSTEM: EventLimits = EventLimits::new();
        match &self.0 {
            TimeSource::System => SYSTEM.admit(name, self.monotonic()),
            TimeSource::Manual(time) => time.events.admit(name, self.monotonic()),
        }
    }

    /// Waits until the clock shows this moment or a later one. On the clock of a [`ManualClock`],
    /// it waits for [`advance`](ManualClock::advance).
    ///
    /// A change of the system's clock takes effect within a minute.
    ///
    /// # Panics
    ///
    /// Panics if it is awaited on the system's clock outside of a tokio runtime with a time driver.
    pub fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        async move { clock.wait(|| at.since(clock.now())).await }
    }

    /// Waits until this much [monotonic](Self::monotonic) time has passed.
    ///
    /// # Panics
    ///
    /// Panics if it is awaited on the system's clock outside of a tokio runtime with a time driver.
    pub fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send + use<> {
        let clock = self.clone();
        let until = clock.monotonic().saturating_add(time);
        async move { clock.wait(|| until.saturating_sub(clock.monotonic())).await }
    }

    /// Waits until the remaining time is zero.
    async fn wait(&self, remaining: impl Fn() -> Duration) {
        loop {
            // Subscribes before it reads the clock: an advance in between still wakes this future.
            let advanced = match &self.0 {
                TimeSource::System => None,
                TimeSource::Manual(time) => Some(time.advanced()),
            };
            let remaining = remaining();
            match advanced {
                _ if remaining.is_zero() => return,
                Some(advanced) => advanced.await,
                None => tokio::time::sleep(remaining.min(MAX_SLEEP)).await,
            }
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
#[allow(clippy::disallowed_methods)] // the one place that may
fn system_monotonic() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// Reads the coarse clock: at most a few milliseconds behind, and a fifth of the cost of the exact
/// one. Every request reads it.
#[cfg(target_os = "linux")]
fn system_millis() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let secs = u64::try_from(now.tv_sec).unwrap_or(0);
    secs.saturating_mul(1000).saturating_add(u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // the one place that may
fn system_millis() -> u64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A clock for tests: its time changes only when [`advance`](Self::advance) is called.
///
/// ```
/// use std::time::Duration;
/// use auth_core::{ManualClock, Timestamp};
///
/// let manual = ManualClock::new(Timestamp::from_secs(1_700_000_000));
/// let clock = manual.clock();
/// manual.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().as_secs(), 1_700_000_060);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<ManualTime>);

/// The time that a [`ManualClock`] and its clocks share.
#[derive(Debug)]
struct ManualTime {
    millis: AtomicU64,
    advanced: Notify,
    events: EventLimits,
}

impl ManualTime {
    fn millis(&self) -> u64 {
        self.millis.load(Ordering::SeqCst)
    }

    /// Waits for the next advance after this call.
    fn advanced(&self) -> Notified<'_> {
        self.advanced.notified()
    }
}

impl ManualClock {
    /// Creates a clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        let (millis, advanced) = (AtomicU64::new(start.0), Notify::new());
        Self(Arc::new(ManualTime { millis, advanced, events: EventLimits::new() }))
    }

    /// Returns the clock for the code under test. It shows the time of this `ManualClock`.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock(TimeSource::Manual(Arc::clone(&self.0)))
    }

    /// Moves the time forward, and wakes the futures that wait for a moment that has now come.
    pub fn advance(&self, by: Duration) {
        self.0.millis.fetch_add(millis(by), Ordering::SeqCst);
        self.0.advanced.notify_waiters();
    }

    /// Returns the current time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.millis())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn timestamps_saturate_instead_of_wrapping() {
        assert_eq!(Timestamp::MAX + Duration::from_secs(1), Timestamp::MAX);
        assert_eq!(Timestamp::from_secs(u64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::MAX), Duration::ZERO);
        assert_eq!(Timestamp::EPOCH.before(Duration::from_secs(1)), Timestamp::EPOCH);
    }

    #[test]
    fn the_system_clock_is_past_the_year_2020() {
        assert!(Clock::system().now() > Timestamp::from_secs(1_577_836_800));
    }

    #[test]
    fn advancing_ends_a_sleep_at_its_moment_and_not_before() {
        let manual = ManualClock::new(Timestamp::from_secs(100));
        let clock = manual.clock();
        let mut moment = pin!(clock.sleep_until(Timestamp::from_secs(110)));
        let mut pause = pin!(clock.sleep(Duration::from_secs(20)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(moment.as_mut().poll(&mut cx).is_pending());
        manual.advance(Duration::from_millis(9999));
        assert!(moment.as_mut().poll(&mut cx).is_pending());
        assert!(pause.as_mut().poll(&mut cx).is_pending());
        manual.advance(Duration::from_millis(1));
        assert_eq!(moment.as_mut().poll(&mut cx), Poll::Ready(()));
        manual.advance(Duration::from_secs(10));
        assert_eq!(pause.as_mut().poll(&mut cx), Poll::Ready(()));
    }

    #[tokio::test]
    async fn advancing_wakes_sleeping_tasks() {
        let manual = ManualClock::new(Timestamp::EPOCH);
        let sleeping = tokio::spawn(manual.clock().sleep_until(Timestamp::from_secs(1)));
        tokio::task::yield_now().await;
        manual.advance(Duration::from_secs(1));
        tokio::time::timeout(Duration::from_secs(20), sleeping).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn the_system_clock_shows_the_moment_after_a_sleep() {
        let clock = Clock::system();
        let at = clock.now() + Duration::from_millis(20);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
    }
}
