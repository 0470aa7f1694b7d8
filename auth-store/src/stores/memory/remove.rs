//! Removing: from the table, from the subject's set, and from the count.

use std::sync::atomic::Ordering;
use std::time::Duration;

use auth_core::{SignInId, Timestamp};

use super::store::MemoryStore;
use super::subjects::Locked;
use crate::record::Record;
use crate::store::Deleted;

/// How many records each `create` looks at, on average, for what has expired: enough to see all of
/// them before they have grown by an eighth.
const LOOKS_PER_CREATE: usize = 8;
/// How often a full store looks at all of them at once.
const RESCUE_EVERY: Duration = Duration::from_secs(1);

impl MemoryStore {
    /// Removes a record from the table alone: an anonymous one, or one whose subject is locked.
    pub(super) fn remove(&self, sid: &SignInId, expected: impl FnOnce(&Record) -> bool) -> Deleted {
        let (deleted, record) = self.table.remove(sid, expected);
        if let Some(record) = record {
            self.room.give_back(record.subject.is_none());
        }
        deleted
    }

    /// Removes a record from everywhere.
    pub(super) fn take_away(
        &self,
        sid: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
    ) -> Deleted {
        let subject = match self.table.get(sid) {
            Some(record) => record.subject.clone(),
            None => return Deleted::NotFound,
        };
        let Some(subject) = subject else { return self.remove(sid, expected) };
        let mut locked = self.subjects.lock(&subject);
        let deleted = self.remove(sid, expected);
        if matches!(deleted, Deleted::Done) {
            locked.remove(sid);
        }
        deleted
    }

    /// Removes these sign-ins of a locked subject, and says how many.
    pub(super) fn remove_all(
        &self,
        locked: &mut Locked<'_>,
        sids: impl IntoIterator<Item = SignInId>,
    ) -> usize {
        let mut removed = 0;
        for sid in sids {
            self.remove(&sid, |_| true);
            locked.remove(&sid);
            removed += 1;
        }
        removed
    }

    /// Collects at most so many records of one shard that have expired. Readers go on while it
    /// looks for them.
    pub(super) fn collect(&self, shard: usize, now: Timestamp, most: usize) -> usize {
        let expired = |record: &Record| record.expiry(now).is_some();
        let found = self.table.select(shard, most, expired);
        found.iter().filter(|sid| matches!(self.take_away(sid, expired), Deleted::Done)).count()
    }

    /// Collects what has expired, at the cost of whoever signs in: one shard now and then, and
    /// everything once the store is full.
    pub(super) fn collect_some(&self, now: Timestamp) {
        let shards = self.table.shards();
        let creates = self.creates.fetch_add(1, Ordering::Relaxed);
        let every = (self.len() / shards / LOOKS_PER_CREATE).max(1);
        if creates.is_multiple_of(every) {
            self.collect(creates / every % shards, now, usize::MAX);
        }
        if self.room.is_full() && self.rescue_is_due(now) {
            (0..shards).for_each(|shard| _ = self.collect(shard, now, usize::MAX));
        }
    }

    fn rescue_is_due(&self, now: Timestamp) -> bool {
        let next = (now + RESCUE_EVERY).as_millis();
        let due = |at: u64| (now.as_millis() >= at).then_some(next);
        self.rescue_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }
}
