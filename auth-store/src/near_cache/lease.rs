//! The lease, until when entries may be used, and the heartbeats that extend it.
//!
//! Both are pure bookkeeping over the times that the listener passes in.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::announce::ChangeSource;

/// How many heartbeats are remembered while they are under way.
const MAX_BEATS: usize = 64;

/// Until when entries may be used. Every request reads it, and only the listener writes it.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// In milliseconds of monotonic time. 0 while there is no lease.
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

    /// Ends the lease at once, because a change may have been missed.
    pub(super) fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Returns how long the lease still lasts.
    pub(super) fn remaining(&self, now: Duration) -> Option<Duration> {
        let left = self.until.load(Ordering::Acquire).checked_sub(millis(now))?;
        (left > 0).then(|| Duration::from_millis(left))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// For each source, when the last heartbeat was sent that came back through it.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    sent: BTreeMap<u64, Duration>,
    received: BTreeMap<ChangeSource, Option<Duration>>,
    /// Heartbeats that came back before the sources were known. A heartbeat can arrive before the store has
    /// answered that it was sent.
    early: Vec<(u64, ChangeSource)>,
}

auth_core::error_with_message! {
    /// The sources have changed. Announcements of the new ones may have been missed.
    pub(super) struct SourcesChanged: "the servers that accept writes have changed or were emptied"
}

impl Heartbeats {
    /// Records that a heartbeat is about to be sent.
    pub(super) fn sending(&mut self, number: u64, now: Duration) {
        self.sent.insert(number, now);
        while self.sent.len() > MAX_BEATS {
            self.sent.pop_first();
        }
    }

    /// Records through which sources a heartbeat was sent. The first call decides which are expected.
    pub(super) fn sent_through(
        &mut self,
        sources: Vec<ChangeSource>,
    ) -> Result<(), SourcesChanged> {
        if self.received.is_empty() {
            self.received = sources.into_iter().map(|source| (source, None)).collect();
            for (number, source) in std::mem::take(&mut self.early) {
                self.received(number, &source);
            }
            return Ok(());
        }
        let same = sources.len() == self.received.len()
            && sources.iter().all(|source| self.received.contains_key(source));
        if same { Ok(()) } else { Err(SourcesChanged) }
    }

    /// Records that a heartbeat came back. Everything that was announced before it was *sent* has
    /// arrived.
    pub(super) fn received(&mut self, number: u64, source: &ChangeSource) {
        let Some(sent) = self.sent.get(&number) else { return };
        if self.received.is_empty() {
            self.early.push((number, source.clone()));
        } else if let Some(last) = self.received.get_mut(source) {
            *last = (*last).max(Some(*sent));
        }
    }

    /// Returns the moment before which every announcement of every source has arrived.
    pub(super) fn complete_until(&self) -> Option<Duration> {
        self.received.values().copied().min().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> ChangeSource {
        ChangeSource(name.into())
    }

    #[test]
    fn the_oldest_beat_of_any_source_decides() {
        let secs = Duration::from_secs;
        let mut heartbeats = Heartbeats::default();
        assert_eq!(heartbeats.complete_until(), None);
        heartbeats.sending(1, secs(10));
        heartbeats.sent_through(vec![source("a"), source("b")]).unwrap();
        heartbeats.received(1, &source("a"));
        assert_eq!(heartbeats.complete_until(), None, "none came through b");
        heartbeats.received(1, &source("b"));
        assert_eq!(heartbeats.complete_until(), Some(secs(10)));
        heartbeats.sending(2, secs(11));
        heartbeats.received(2, &source("a"));
        heartbeats.received(9, &source("b"));
        heartbeats.received(2, &source("c"));
        assert_eq!(heartbeats.complete_until(), Some(secs(10)));
        heartbeats.received(1, &source("a"));
        heartbeats.received(2, &source("b"));
        assert_eq!(heartbeats.complete_until(), Some(secs(11)), "an old beat changes nothing");
    }

    #[test]
    fn beats_before_the_sources_are_known_count() {
        let mut heartbeats = Heartbeats::default();
        heartbeats.sending(1, Duration::from_secs(10));
        heartbeats.received(1, &source("a"));
        heartbeats.received(1, &source("unknown"));
        assert_eq!(heartbeats.complete_until(), None, "there may be other sources");
        heartbeats.sent_through(vec![source("a"), source("b")]).unwrap();
        assert_eq!(heartbeats.complete_until(), None, "none came through b");
        heartbeats.received(1, &source("b"));
        assert_eq!(heartbeats.complete_until(), Some(Duration::from_secs(10)));
    }

    #[test]
    fn changed_sources_are_an_error() {
        let mut heartbeats = Heartbeats::default();
        heartbeats.sent_through(vec![source("a"), source("b")]).unwrap();
        heartbeats.sent_through(vec![source("b"), source("a")]).unwrap();
        assert!(heartbeats.sent_through(vec![source("a")]).is_err());
        assert!(heartbeats.sent_through(vec![source("a"), source("c")]).is_err());
    }

    #[test]
    fn a_lease_runs_out_or_is_ended() {
        let lease = Lease::default();
        let at = Duration::from_millis;
        assert!(!lease.holds(at(0)));
        lease.extend(at(10));
        assert!(lease.holds(at(9)) && !lease.holds(at(10)));
        assert_eq!(lease.remaining(at(4)), Some(at(6)));
        lease.end();
        assert!(!lease.holds(at(5)));
        assert_eq!((lease.generation(), lease.remaining(at(5))), (1, None));
    }
}
