//! The limit for events that would be logged for every request while something is down.

use std::time::Duration;

use parking_lot::Mutex;

/// The maximum number of events of one name in a [`WINDOW`].
const MAX: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

/// Counts the events of each name. A name has a few words and is part of the code, so there are few.
#[derive(Debug)]
pub(crate) struct EventLimits(Mutex<Vec<(&'static str, Count)>>);

#[derive(Clone, Copy, Debug)]
struct Count {
    window_start: Duration,
    /// The number of events since then that were logged.
    logged: u32,
    /// The number of events that were suppressed since the last one that was logged.
    suppressed: u64,
}

impl EventLimits {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Counts an event. Returns the number of events that were suppressed before it, or none if this
    /// one is to be suppressed as well.
    pub(crate) fn admit(&self, name: &'static str, now: Duration) -> Option<u64> {
        let mut counts = self.0.lock();
        let position = counts.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            counts.push((name, Count { window_start: now, logged: 0, suppressed: 0 }));
            counts.len() - 1
        });
        let count = &mut counts[position].1;
        if now.saturating_sub(count.window_start) >= WINDOW {
            (count.window_start, count.logged) = (now, 0);
        }
        if count.logged == MAX {
            count.suppressed += 1;
            return None;
        }
        count.logged += 1;
        Some(std::mem::take(&mut count.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_failures_is_logged_at_a_bounded_rate_and_none_is_forgotten() {
        let limits = EventLimits::new();
        let (mut logged, mut suppressed) = (0, 0);
        for millis in 0..3_600_000 {
            if let Some(before) = limits.admit("unavailable", Duration::from_millis(millis)) {
                logged += 1;
                suppressed += before;
            }
        }
        assert_eq!(logged, 3600);
        let last = limits.admit("unavailable", Duration::from_secs(3610)).expect("a new window");
        assert_eq!(logged + suppressed + last, 3_600_000);
    }

    #[test]
    fn events_with_other_names_have_their_own_limit() {
        let limits = EventLimits::new();
        let admitted = |name| (0..20).filter_map(|_| limits.admit(name, Duration::ZERO)).count();
        assert_eq!((admitted("load"), admitted("create"), admitted("load")), (10, 10, 0));
    }
}
