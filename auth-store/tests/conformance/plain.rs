//! The simplest correct store: two tables behind one lock.
//!
//! The broken stores wrap it, and each replaces one method by a faulty one.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    CompareAndSwap, Created, Deleted, Digest, OverflowPolicy, Peek, Record, Rotation, SessionData,
    SignInLimit, Store, StoreError, Watch,
};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// Defines a store that forwards to a [`Plain`] one, except for the methods that are written out.
macro_rules! broken_store {
    ($(#[$doc:meta])* $name:ident, except: [$($method:ident),+]; $($methods:tt)*) => {
        $(#[$doc])*
        #[derive(Default)]
        struct $name(Plain);

        #[async_trait]
        impl Store for $name {
            forward_store!(self => self.0, except: [$($method),+]);

            $($methods)*
        }
    };
}
pub(crate) use broken_store;

// What the methods of a store answer.
pub(crate) type See<'a> = &'a mut dyn FnMut(Peek<'_>);
pub(crate) type Loaded = Result<Option<Arc<Record>>, StoreError>;
pub(crate) type Listed = Result<Vec<Arc<Record>>, StoreError>;
pub(crate) type Creation = Result<Created, StoreError>;
pub(crate) type Swapped = Result<CompareAndSwap, StoreError>;
pub(crate) type Deletion = Result<Deleted, StoreError>;
pub(crate) type Ended = Result<bool, StoreError>;
pub(crate) type Touched = Result<(), StoreError>;
pub(crate) type Count = Result<usize, StoreError>;

#[derive(Default)]
pub(crate) struct Plain(Mutex<Tables>);

#[derive(Default)]
pub(crate) struct Tables {
    /// Notified of every change.
    changed: Arc<Notify>,
    pub(crate) records: HashMap<SignInId, Arc<Record>>,
    pub(crate) subjects: HashMap<Arc<str>, Vec<SignInId>>,
}

impl Plain {
    pub(crate) fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock()
    }

    /// Loads a sign-in, and compares it with what the caller expects: the first half of a
    /// compare-and-swap, for faults that do not make it in one step.
    pub(crate) fn read_if(
        &self,
        sid: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
    ) -> Result<Arc<Record>, CompareAndSwap> {
        match self.tables().records.get(sid).cloned() {
            None => Err(CompareAndSwap::NotFound),
            Some(record) if !expected(&record) => Err(CompareAndSwap::Conflict(record)),
            Some(record) => Ok(record),
        }
    }

    pub(crate) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.tables().changed)
    }
}

impl Tables {
    /// Runs `act` without notifying watches of its changes.
    pub(crate) fn silently<T>(&mut self, act: impl FnOnce(&mut Self) -> T) -> T {
        let changed = mem::take(&mut self.changed);
        let result = act(self);
        self.changed = changed;
        result
    }

    /// Returns the subject's sign-ins, oldest first.
    pub(crate) fn of(&self, subject: &str) -> Vec<SignInId> {
        let mut sids = self.subjects.get(subject).cloned().unwrap_or_default();
        sids.sort_by_key(|sid| self.records.get(sid).map(|record| record.created_at));
        sids
    }

    pub(crate) fn add(&mut self, record: Record) {
        if let Some(subject) = &record.subject {
            self.subjects.entry(Arc::clone(subject)).or_default().push(record.sid);
        }
        self.records.insert(record.sid, Arc::new(record));
    }

    pub(crate) fn remove(&mut self, sid: &SignInId) -> bool {
        let Some(record) = self.records.remove(sid) else { return false };
        if let Some(subject) = &record.subject
            && let Some(sids) = self.subjects.get_mut(subject)
        {
            sids.retain(|listed| listed != sid);
        }
        self.changed.notify_waiters();
        true
    }

    pub(crate) fn remove_all(&mut self, sids: &[SignInId]) -> usize {
        for sid in sids {
            self.remove(sid);
        }
        sids.len()
    }

    pub(crate) fn swap(
        &mut self,
        sid: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
        change: impl FnOnce(&mut Record),
    ) -> CompareAndSwap {
        let Some(record) = self.records.get_mut(sid) else { return CompareAndSwap::NotFound };
        if !expected(record) {
            return CompareAndSwap::Conflict(Arc::clone(record));
        }
        change(Arc::make_mut(record));
        self.changed.notify_waiters();
        CompareAndSwap::Stored(Arc::clone(record))
    }

    /// Evicts sign-ins until one more is within the limit, and returns how many. Those in `living` count.
    /// Returns `None` if the new one is rejected.
    pub(crate) fn keep(&mut self, living: &[SignInId], limit: SignInLimit) -> Option<usize> {
        let max = limit.max.get() as usize;
        let over = (living.len() + 1).saturating_sub(max);
        match limit.when_full {
            OverflowPolicy::Reject if over > 0 => None,
            _ => Some(self.remove_all(&living[..over])),
        }
    }

    /// Returns the subject's sign-ins that have not expired, oldest first.
    pub(crate) fn living(&self, subject: &str, now: Timestamp) -> Vec<SignInId> {
        let lives = |sid: &SignInId| {
            self.records.get(sid).is_none_or(|record| record.expiry(now).is_none())
        };
        self.of(subject).into_iter().filter(lives).collect()
    }

    pub(crate) fn update_subject(&mut self, subject: &str, principal: &[u8]) -> usize {
        let sids = self.of(subject);
        for sid in &sids {
            let change = |record: &mut Record| {
                record.set_principal(principal);
                record.version += 1;
            };
            self.swap(sid, |_| true, change);
        }
        sids.len()
    }

    pub(crate) fn create(&mut self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.create_counting(record, limit, Self::living)
    }

    /// Creates a sign-in. Those that `counted` returns count for the limit.
    pub(crate) fn create_counting(
        &mut self,
        mut record: Record,
        limit: Option<SignInLimit>,
        counted: impl FnOnce(&Self, &str, Timestamp) -> Vec<SignInId>,
    ) -> Creation {
        if self.records.contains_key(&record.sid) {
            return Err(StoreError::duplicate_id());
        }
        let mut evicted = 0;
        if let (Some(limit), Some(subject)) = (limit, &record.subject) {
            let living = counted(self, subject, record.created_at);
            match self.keep(&living, limit) {
                Some(count) => evicted = count,
                None => return Ok(Created::LimitReached),
            }
        }
        record.version = 0;
        self.add(record);
        Ok(Created::Stored { evicted })
    }
}

#[async_trait]
impl Store for Plain {
    fn watch(&self, _: &SignInId) -> Option<Watch> {
        Some(Watch::new(self.changed().notified_owned()))
    }

    async fn load(&self, sid: &SignInId) -> Loaded {
        Ok(self.tables().records.get(sid).cloned())
    }

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.tables().create(record, limit)
    }

    async fn update(&self, sid: &SignInId, version: u64, data: SessionData) -> Swapped {
        let change = |record: &mut Record| {
            record.data = data;
            record.version += 1;
        };
        Ok(self.tables().swap(sid, |record| record.version == version, change))
    }

    async fn rotate(&self, sid: &SignInId, from: &Digest, rotation: Rotation) -> Swapped {
        let change = |record: &mut Record| rotation.apply(record);
        Ok(self.tables().swap(sid, |record| record.current == *from, change))
    }

    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Touched {
        if let Some(record) = self.tables().records.get(sid) {
            record.touch(at);
        }
        Ok(())
    }

    async fn delete(&self, sid: &SignInId) -> Ended {
        Ok(self.tables().remove(sid))
    }

    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Deletion {
        let mut tables = self.tables();
        match tables.records.get(sid).cloned() {
            None => Ok(Deleted::NotFound),
            Some(record) if record.version != version => Ok(Deleted::Conflict(record)),
            Some(_) => {
                tables.remove(sid);
                Ok(Deleted::Done)
            }
        }
    }

    async fn delete_if_idle(&self, sid: &SignInId, seen: Timestamp) -> Ended {
        let mut tables = self.tables();
        let idle = tables.records.get(sid).is_some_and(|record| record.last_seen() <= seen);
        Ok(idle && tables.remove(sid))
    }

    async fn list(&self, subject: &str) -> Listed {
        let tables = self.tables();
        let sids = tables.of(subject);
        Ok(sids.iter().filter_map(|sid| tables.records.get(sid).cloned()).collect())
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Ended {
        let mut tables = self.tables();
        Ok(tables.of(subject).contains(sid) && tables.remove(sid))
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Count {
        let mut tables = self.tables();
        let mut sids = tables.of(subject);
        sids.retain(|sid| sid != keep);
        Ok(tables.remove_all(&sids))
    }

    async fn revoke_subject(&self, subject: &str) -> Count {
        let mut tables = self.tables();
        let sids = tables.of(subject);
        Ok(tables.remove_all(&sids))
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        Ok(self.tables().update_subject(subject, principal))
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Count {
        let mut tables = self.tables();
        let expired = |record: &&Arc<Record>| record.expiry(now).is_some();
        let sids: Vec<_> =
            tables.records.values().filter(expired).map(|record| record.sid).take(most).collect();
        Ok(tables.remove_all(&sids))
    }
}
