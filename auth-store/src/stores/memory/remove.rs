//! Removing: from the table, from the subject's set, and from the count.

use std::sync::atomic::Ordering;
use std::time::Duration;

use auth_core::{SignInId, Timestamp};

use super::store::MemoryStore;
use super::subjects::Locked;
use crate::record::Record;
use crate::store::Deleted;

/// How often `create` also looks through one shard for what has expired.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How many sign-ins it collects then at most.
const SWEEP_MOST: usize = 256;

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
            None => return Deleted::Gone,
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

    /// Looks through one shard now and then, at the cost of whoever signs in.
    pub(super) fn collect_some(&self, now: Timestamp) {
        let (due, next) = (self.sweep_at.load(Ordering::Relaxed), now + SWEEP_EVERY);
        let mine = |_: u64| (now.as_millis() >= due).then_some(next.as_millis());
        if now.as_millis() >= due
            && self.sweep_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, mine).is_ok()
        {
            let shard = self.sweep_next.fetch_add(1, Ordering::Relaxed) % self.table.shards();
            self.collect(shard, now, SWEEP_MOST);
        }
    }
}
