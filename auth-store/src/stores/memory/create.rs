//! Creating: a place, a limit, a key.

use std::sync::Arc;

use auth_core::Timestamp;

use super::store::MemoryStore;
use super::subjects::Locked;
use crate::error::StoreError;
use crate::record::Record;
use crate::store::{Created, OverflowPolicy, SignInLimit};

impl MemoryStore {
    /// Anonymous records are created one after the other: so the queue names all of them.
    pub(super) fn create_anonymous(&self, record: Record) -> Result<Created, StoreError> {
        let sid = record.sid;
        let mut queue = self.room.queue();
        if self.table.is_taken(&sid) {
            return Err(StoreError::duplicate_id());
        }
        while !self.room.take(true) {
            let oldest = queue.pop_front().ok_or_else(full)?;
            self.remove(&oldest, |record| record.subject.is_none());
        }
        if !self.table.insert_new(Arc::new(record)) {
            self.room.give_back(true);
            return Err(StoreError::duplicate_id());
        }
        queue.push_back(sid);
        self.room.tidy(&mut queue, |sid| self.table.is_taken(sid));
        Ok(Created::Stored { evicted: 0 })
    }

    pub(super) fn create_signed_in(
        &self,
        record: Record,
        subject: &Arc<str>,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let (sid, now) = (record.sid, record.created_at);
        let mut locked = self.subjects.lock(subject);
        if self.table.is_taken(&sid) {
            return Err(StoreError::duplicate_id());
        }
        let surplus = limit.map_or_else(Vec::new, |limit| self.surplus(&mut locked, limit, now));
        match (surplus.as_slice(), limit) {
            ([], _) => self.make_room()?,
            (_, Some(SignInLimit { when_full: OverflowPolicy::Reject, .. })) => {
                return Ok(Created::LimitReached);
            }
            ([heir, others @ ..], _) => {
                self.remove_all(&mut locked, others.iter().map(|record| record.sid));
                locked.remove(&heir.sid);
                self.table.remove(&heir.sid, |_| true); // its place is the new one's
            }
        }
        if !self.table.insert_new(Arc::new(record)) {
            self.room.give_back(false);
            return Err(StoreError::duplicate_id());
        }
        locked.add(subject, sid);
        Ok(Created::Stored { evicted: surplus.len() })
    }

    /// The living sign-ins that have to go before there is one more, oldest first. What has expired
    /// goes here.
    fn surplus(
        &self,
        locked: &mut Locked<'_>,
        limit: SignInLimit,
        now: Timestamp,
    ) -> Vec<Arc<Record>> {
        let sign_ins = self.oldest_first(locked);
        let (mut living, expired): (Vec<_>, Vec<_>) =
            sign_ins.into_iter().partition(|record| record.expiry(now).is_none());
        self.remove_all(locked, expired.iter().map(|record| record.sid));
        let most = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
        living.truncate((living.len() + 1).saturating_sub(most));
        living
    }

    /// The sign-ins of a subject, in the order of their creation.
    pub(super) fn oldest_first(&self, locked: &Locked<'_>) -> Vec<Arc<Record>> {
        let mut records: Vec<_> =
            locked.sign_ins().iter().filter_map(|sid| self.table.get(sid)).collect();
        records.sort_by_key(|record| record.created_at);
        records
    }

    /// Takes a place for a signed-in record, and evicts the oldest anonymous ones for it.
    fn make_room(&self) -> Result<(), StoreError> {
        while !self.room.take(false) {
            let oldest = self.room.queue().pop_front().ok_or_else(full)?;
            self.remove(&oldest, |record| record.subject.is_none());
        }
        Ok(())
    }
}

fn full() -> StoreError {
    StoreError::unavailable("the store is full")
}
