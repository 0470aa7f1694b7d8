//! For how long copies may be believed.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::announce::Source;

/// For how long copies may be believed: read by every request, moved by the listener.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// In milliseconds of monotonic time; 0 while there is none.
    until: AtomicU64,
    generation: AtomicU64,
}

impl Lease {
    pub(super) fn holds(&self, now: Duration) -> bool {
        millis(now) < self.until.load(Ordering::Acquire)
    }

    pub(super) fn extend(&self, until: Duration) {
        self.until.store(millis(until), Ordering::Release);
    }

    /// Whatever was believed is believed no more.
    pub(super) fn drop_it(&self) {
        self.until.store(0, Ordering::SeqCst);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// What is left of it.
    pub(super) fn left(&self, now: Duration) -> Option<Duration> {
        let left = self.until.load(Ordering::Acquire).checked_sub(millis(now))?;
        (left > 0).then(|| Duration::from_millis(left))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// When the last beat was sent that came back by way of each source.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    sent: BTreeMap<u64, Duration>,
    heard: BTreeMap<Source, Option<Duration>>,
    /// What was heard before the sources were known: a beat comes back faster than the answer to it.
    early: Vec<(u64, Source)>,
}

/// The sources are others than they were: what they announced may have been missed.
#[derive(Debug)]
pub(super) struct OtherSources;

impl fmt::Display for OtherSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("other servers announce changes than before, or they were emptied")
    }
}

impl Error for OtherSources {}

impl Pulse {
    /// A beat is about to be sent.
    pub(super) fn sending(&mut self, number: u64, now: Duration) {
        self.sent.insert(number, now);
        while self.sent.len() > 64 {
            self.sent.pop_first();
        }
    }

    /// A beat was sent by way of these sources.
    pub(super) fn sent_to(&mut self, sources: Vec<Source>) -> Result<(), OtherSources> {
        if self.heard.is_empty() {
            self.heard = sources.into_iter().map(|source| (source, None)).collect();
            for (number, source) in std::mem::take(&mut self.early) {
                self.heard(number, &source);
            }
            return Ok(());
        }
        let same = sources.len() == self.heard.len()
            && sources.iter().all(|source| self.heard.contains_key(source));
        if same { Ok(()) } else { Err(OtherSources) }
    }

    /// A beat came back. It proves that all was heard which was announced before it was *sent*.
    pub(super) fn heard(&mut self, number: u64, source: &Source) {
        let Some(sent) = self.sent.get(&number) else { return };
        if self.heard.is_empty() {
            self.early.push((number, source.clone()));
        } else if let Some(last) = self.heard.get_mut(source) {
            *last = (*last).max(Some(*sent));
        }
    }

    /// Up to when everything was heard, by way of every source.
    pub(super) fn up_to(&self) -> Option<Duration> {
        self.heard.values().copied().min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> Source {
        Source(name.into())
    }

    #[test]
    fn the_slowest_source_decides_by_when_its_beat_was_sent() {
        let secs = Duration::from_secs;
        let mut pulse = Pulse::default();
        assert_eq!(pulse.up_to(), None);
        pulse.sending(1, secs(10));
        pulse.sent_to(vec![source("a"), source("b")]).unwrap();
        pulse.heard(1, &source("a"));
        assert_eq!(pulse.up_to(), None, "b was not heard");
        pulse.heard(1, &source("b"));
        assert_eq!(pulse.up_to(), Some(secs(10)));
        pulse.sending(2, secs(11));
        pulse.heard(2, &source("a"));
        pulse.heard(9, &source("b"));
        pulse.heard(2, &source("c"));
        assert_eq!(pulse.up_to(), Some(secs(10)));
        pulse.heard(1, &source("a"));
        pulse.heard(2, &source("b"));
        assert_eq!(pulse.up_to(), Some(secs(11)), "an old beat moves nothing back");
    }

    #[test]
    fn what_is_heard_before_the_sources_are_known_counts() {
        let mut pulse = Pulse::default();
        pulse.sending(1, Duration::from_secs(10));
        pulse.heard(1, &source("a"));
        pulse.heard(1, &source("from before"));
        assert_eq!(pulse.up_to(), None, "there may be others");
        pulse.sent_to(vec![source("a"), source("b")]).unwrap();
        assert_eq!(pulse.up_to(), None, "b was not heard");
        pulse.heard(1, &source("b"));
        assert_eq!(pulse.up_to(), Some(Duration::from_secs(10)));
    }

    #[test]
    fn other_sources_are_noticed() {
        let mut pulse = Pulse::default();
        pulse.sent_to(vec![source("a"), source("b")]).unwrap();
        pulse.sent_to(vec![source("b"), source("a")]).unwrap();
        assert!(pulse.sent_to(vec![source("a")]).is_err());
        assert!(pulse.sent_to(vec![source("a"), source("c")]).is_err());
    }

    #[test]
    fn a_lease_ends_by_itself_or_at_once() {
        let lease = Lease::default();
        let at = Duration::from_millis;
        assert!(!lease.holds(at(0)));
        lease.extend(at(10));
        assert!(lease.holds(at(9)) && !lease.holds(at(10)));
        assert_eq!(lease.left(at(4)), Some(at(6)));
        lease.drop_it();
        assert!(!lease.holds(at(5)));
        assert_eq!((lease.generation(), lease.left(at(5))), (1, None));
    }
}
