//! When keys are fetched: a state machine without clocks, tasks or connections.
//!
//! Its times are those of [`Clock::monotonic`](auth_core::Clock::monotonic), and its owner calls it at
//! each event.

use std::time::Duration;

/// The minimum time between two planned fetches, whatever the headers of a response say.
pub(super) const FLOOR: Duration = Duration::from_secs(60);
/// The lifetime of a set whose response does not state one.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);

/// The maximum pause after a failed fetch, whatever the cooldown is.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);

/// The state of the fetches of one issuer.
#[derive(Debug)]
pub(super) struct Schedule {
    max_interval: Duration,
    cooldown: Duration,
    /// A fetch has been asked for, which has not begun.
    pending: bool,
    /// A fetch is under way.
    running: bool,
    /// The number of fetches that have ended.
    completed: u64,
    ended_at: Option<Duration>,
    /// When a token with an unknown key last caused a fetch.
    unknown_at: Option<Duration>,
    failures: u32,
    due_at: Duration,
}

/// What a token without a key waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// For the end of this fetch.
    Wait(Fetch),
    /// For nothing: there was a fetch just now.
    CoolingDown,
}

/// A fetch that a token waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// How many fetches have ended when this one has.
    pub(crate) number: u64,
    /// Whether it began after it was asked for, so that it returns a key that was published before that.
    pub(crate) is_new: bool,
}

impl Schedule {
    pub(super) fn new(max_interval: Duration, cooldown: Duration) -> Self {
        Self {
            max_interval,
            cooldown,
            pending: false,
            running: false,
            completed: 0,
            ended_at: None,
            unknown_at: None,
            failures: 0,
            due_at: Duration::ZERO,
        }
    }

    /// Decides about a token whose key is not in a set that is trusted. The first one after the last such
    /// fetch, or the last failed one, and its cooldown causes a fetch. A planned fetch that succeeded
    /// does not start a cooldown, so that a rotation just after it is noticed at the first token.
    ///
    /// A fetch that is under way may have begun before the key was published. It costs nothing to wait for
    /// it; a token whose key it does not return asks again.
    pub(super) fn unknown_key(&mut self, now: Duration) -> Answer {
        if self.running {
            return Answer::Wait(self.under_way());
        }
        let failed_at = self.ended_at.filter(|_| self.failures > 0);
        if !self.pending {
            if self.is_cooling(self.unknown_at.max(failed_at), now) {
                return Answer::CoolingDown;
            }
            self.unknown_at = Some(now);
        }
        Answer::Wait(self.demand())
    }

    /// Decides about a token while there is no trusted set.
    pub(super) fn no_keys(&mut self, now: Duration) -> Answer {
        if self.running {
            return Answer::Wait(self.under_way());
        }
        if !self.pending && self.is_cooling(self.ended_at, now) {
            return Answer::CoolingDown;
        }
        Answer::Wait(self.demand())
    }

    fn under_way(&self) -> Fetch {
        Fetch { number: self.completed + 1, is_new: false }
    }

    /// Asks for a fetch that has not begun yet.
    pub(super) fn demand(&mut self) -> Fetch {
        self.pending = true;
        Fetch { number: self.completed + 1 + u64::from(self.running), is_new: true }
    }

    fn is_cooling(&self, since: Option<Duration>, now: Duration) -> bool {
        since.is_some_and(|since| now < since.saturating_add(self.cooldown))
    }

    /// Returns how long the task that fetches sleeps: not at all if a fetch was asked for.
    pub(super) fn pause(&self, now: Duration) -> Duration {
        if self.pending { Duration::ZERO } else { self.due_at.saturating_sub(now) }
    }

    /// Returns whether to fetch now. The fetch is then under way.
    pub(super) fn begin(&mut self, now: Duration) -> bool {
        self.running = self.pending || now >= self.due_at;
        self.pending = false;
        self.running
    }

    /// Ends a fetch that returned keys which may be used for this long. The next one is ahead of their
    /// end, by an amount that differs between the nodes: `random` is between 0 and 1.
    pub(super) fn succeeded(&mut self, now: Duration, lifetime: Option<Duration>, random: f64) {
        let lifetime = lifetime.unwrap_or(DEFAULT_LIFETIME).clamp(FLOOR, self.max_interval);
        let after = lifetime.mul_f64(0.8).max(FLOOR);
        self.failures = 0;
        self.end(now, after.mul_f64(1.0 + random / 10.0));
    }

    /// Ends a fetch that failed. It is repeated after the cooldown, and then less and less often.
    pub(super) fn failed(&mut self, now: Duration, random: f64) {
        self.failures = self.failures.saturating_add(1);
        let backoff = self.cooldown.saturating_mul(1 << (self.failures - 1).min(16));
        let after = backoff.min(FLOOR.max(self.cooldown)).min(LONGEST_PAUSE);
        self.end(now, after.mul_f64(1.0 + random / 10.0));
    }

    fn end(&mut self, now: Duration, next_in: Duration) {
        self.running = false;
        self.completed += 1;
        self.ended_at = Some(now);
        self.due_at = now + next_in;
    }

    /// Ends the fetch under way and the next one without a result, because their task ended.
    pub(super) fn abandon(&mut self) {
        (self.pending, self.running) = (false, false);
        self.completed += 2;
    }

    pub(super) fn completed(&self) -> u64 {
        self.completed
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(10);
    const HOUR: Duration = Duration::from_secs(3600);

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn schedule() -> Schedule {
        Schedule::new(HOUR, COOLDOWN)
    }

    fn new(number: u64) -> Answer {
        Answer::Wait(Fetch { number, is_new: true })
    }

    /// Returns a schedule that fetched at this time.
    fn fetched(secs: u64) -> Schedule {
        let mut schedule = schedule();
        assert!(schedule.begin(at(secs)));
        schedule.succeeded(at(secs), Some(HOUR), 0.0);
        schedule
    }

    /// Returns the seconds until the next fetch after one with this lifetime.
    fn interval(lifetime: Option<u64>, random: f64) -> u64 {
        let mut schedule = schedule();
        schedule.begin(at(1000));
        schedule.succeeded(at(1000), lifetime.map(at), random);
        schedule.pause(at(1000)).as_secs()
    }

    #[test]
    fn r03_the_interval_is_between_the_floor_and_the_cap() {
        for too_short in [0, 15, 59, 60] {
            assert_eq!(interval(Some(too_short), 0.0), 60, "{too_short}");
        }
        for too_long in [3600, 86_400, 3_293_198, u64::MAX / 1000] {
            assert_eq!(interval(Some(too_long), 0.0), 2880, "{too_long}");
        }
        assert_eq!(interval(Some(1000), 0.0), 800, "ahead of the end");
        assert_eq!(interval(None, 0.0), 240);
    }

    #[test]
    fn r03_nodes_do_not_fetch_at_the_same_moment() {
        assert_eq!(interval(Some(1000), 0.0), 800);
        assert_eq!(interval(Some(1000), 1.0), 880, "still ahead of the end");
        assert_eq!(interval(Some(15), 1.0), 66);
    }

    #[test]
    fn r04_callers_share_the_fetch_under_way() {
        let mut schedule = schedule();
        for secs in [0, 0, 5] {
            assert_eq!(schedule.no_keys(at(secs)), new(1));
        }
        assert!(schedule.begin(at(5)));
        for answer in [schedule.no_keys(at(5)), schedule.unknown_key(at(5))] {
            assert_eq!(answer, Answer::Wait(Fetch { number: 1, is_new: false }));
        }
        schedule.succeeded(at(6), Some(HOUR), 0.0);
        assert_eq!(schedule.completed(), 1);
    }

    #[test]
    fn r04_a_random_kid_costs_one_fetch_per_cooldown() {
        let mut schedule = fetched(0);
        let mut fetches = 0;
        for millis in (1000..101_000).step_by(10) {
            let now = Duration::from_millis(millis);
            if let Answer::Wait(_) = schedule.unknown_key(now) {
                assert!(schedule.begin(now));
                schedule.succeeded(now, Some(HOUR), 0.5);
                fetches += 1;
            }
        }
        assert_eq!(fetches, 10, "100 seconds are ten cooldowns");
    }

    #[test]
    fn r04_a_rotation_just_after_a_planned_fetch_is_served_at_once() {
        let mut schedule = fetched(100);
        assert_eq!(schedule.unknown_key(at(101)), new(2));
    }

    #[test]
    fn r04_a_cooldown_may_be_of_any_length() {
        let mut schedule = Schedule::new(HOUR, Duration::MAX);
        schedule.begin(at(0));
        schedule.failed(at(1), 1.0);
        assert!(schedule.pause(at(1)) <= LONGEST_PAUSE * 2);
        assert_eq!(schedule.no_keys(at(2)), Answer::CoolingDown);
    }

    #[test]
    fn r04_failed_and_successful_fetches_start_a_cooldown() {
        for success in [true, false] {
            let mut schedule = fetched(0);
            assert_eq!(schedule.unknown_key(at(100)), new(2));
            assert!(schedule.begin(at(100)));
            if success {
                schedule.succeeded(at(100), None, 0.0);
            } else {
                schedule.failed(at(100), 0.0);
            }
            assert_eq!(schedule.unknown_key(at(109)), Answer::CoolingDown, "{success}");
            assert_eq!(schedule.unknown_key(at(110)), new(3), "{success}");
        }
        let mut planned = fetched(0);
        assert!(planned.begin(at(3000)));
        planned.failed(at(3000), 0.0);
        assert_eq!(planned.unknown_key(at(3001)), Answer::CoolingDown, "a planned one failed");
    }

    #[test]
    fn r06_before_the_first_set_a_failed_fetch_starts_a_cooldown() {
        let mut schedule = schedule();
        assert_eq!(schedule.no_keys(at(0)), new(1));
        schedule.begin(at(0));
        schedule.failed(at(5), 0.0);
        assert_eq!(schedule.no_keys(at(14)), Answer::CoolingDown);
        assert_eq!(schedule.no_keys(at(15)), new(2));
    }

    #[test]
    fn r05_failed_fetches_are_repeated_less_and_less_often() {
        let mut schedule = schedule();
        let mut now = at(0);
        let mut pauses = Vec::new();
        for _ in 0..40 {
            assert!(schedule.begin(now));
            schedule.failed(now, 0.0);
            pauses.push(schedule.pause(now).as_secs());
            now += schedule.pause(now);
        }
        assert_eq!(pauses[..5], [10, 20, 40, 60, 60]);
        assert_eq!(pauses[39], 60);
        schedule.begin(now);
        schedule.succeeded(now, None, 0.0);
        assert_eq!(schedule.failures(), 0);
    }

    #[test]
    fn a_fetch_begins_when_it_is_due_or_asked_for() {
        let mut schedule = fetched(0);
        assert!(!schedule.begin(at(2879)));
        assert!(schedule.begin(at(2880)));
        schedule.succeeded(at(2880), None, 0.0);
        assert_eq!(Answer::Wait(schedule.demand()), new(3));
        assert_eq!(schedule.pause(at(2881)), Duration::ZERO);
        assert!(schedule.begin(at(2881)));
        assert_eq!(Answer::Wait(schedule.demand()), new(4), "the one under way began before");
        schedule.abandon();
        assert!(!schedule.begin(at(2882)));
        assert_eq!(schedule.completed(), 4, "those who waited are woken");
    }

    #[test]
    fn r04_a_key_that_a_fetch_under_way_does_not_return_is_asked_for_again() {
        let mut schedule = fetched(0);
        assert!(schedule.begin(at(3000)), "planned");
        let Answer::Wait(fetch) = schedule.unknown_key(at(3001)) else { panic!("it waits") };
        assert!(!fetch.is_new);
        schedule.succeeded(at(3002), None, 0.0);
        assert_eq!(schedule.unknown_key(at(3002)), new(3));
        assert!(schedule.begin(at(3002)));
        schedule.succeeded(at(3003), None, 0.0);
        assert_eq!(schedule.unknown_key(at(3003)), Answer::CoolingDown, "once per cooldown");
    }
}
