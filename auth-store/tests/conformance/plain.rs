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
    SignInLimit, Store, StoreError, Swept, Watch,
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
pub(crate) type Answer<T> = Result<T, StoreError>;
pub(crate) type Loaded = Result<Option<Arc<Record>>, StoreError>;
pub(crate) type Listed = Result<Vec<Arc<Record>>, StoreError>;
pub(crate) type Creation = Result<Created, StoreError>;
pub(crate) type Swapped = Result<CompareAndSwap, StoreError>;
pub(crate) type Deletion = Result<Deleted, StoreError>;
pub(crate) type Ended = Result<bool, StoreError>;
pub(crate) type Touched = Result<(), StoreError>;
pub(crate) type Count = Result<usize, StoreError>;
pub(crate) type Sweep = Result<Swept, StoreError>;

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
        id: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
    ) -> Result<Arc<Record>, CompareAndSwap> {
        match self.tables().records.get(id).cloned() {
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
        let watches = self.take_watches();
        let result = act(self);
        self.restore_watches(watches);
        result
    }

    /// Makes changes notify no watches, until these are restored.
    pub(crate) fn take_watches(&mut self) -> Arc<Notify> {
        mem::take(&mut self.changed)
    }

    pub(crate) fn restore_watches(&mut self, watches: Arc<Notify>) {
        self.changed = watches;
    }

    /// Returns the subject's sign-ins, oldest first.
    pub(crate) fn of(&self, subject: &str) -> Vec<SignInId> {
        let mut ids = self.subjects.get(subject).cloned().unwrap_or_default();
        ids.sort_by_key(|id| self.records.get(id).map(|record| record.created_at));
        ids
    }

    pub(crate) fn add(&mut self, record: Record) {
        if let Some(subject) = &record.subject {
            self.subjects.entry(Arc::clone(subject)).or_default().push(record.id);
        }
        self.records.insert(record.id, Arc::new(record));
    }

    pub(crate) fn remove(&mut self, id: &SignInId) -> bool {
        let Some(record) = self.records.remove(id) else { return false };
        if let Some(subject) = &record.subject
            && let Some(ids) = self.subjects.get_mut(subject)
        {
            ids.retain(|listed| listed != id);
        }
        self.changed.notify_waiters();
        true
    }

    pub(crate) fn remove_all(&mut self, ids: &[SignInId]) -> usize {
        for id in ids {
            self.remove(id);
        }
        ids.len()
    }

    pub(crate) fn swap(
        &mut self,
        id: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
        change: impl FnOnce(&mut Record),
    ) -> CompareAndSwap {
        let Some(record) = self.records.get_mut(id) else { return CompareAndSwap::NotFound };
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
        let lives =
            |id: &SignInId| self.records.get(id).is_none_or(|record| record.expiry(now).is_none());
        self.of(subject).into_iter().filter(lives).collect()
    }

    pub(crate) fn update_subject(&mut self, subject: &str, principal: &[u8]) -> usize {
        let ids = self.of(subject);
        for id in &ids {
            self.swap(id, |_| true, |record| *record = record.amended(principal));
        }
        ids.len()
    }

    pub(crate) fn swap_principal(&mut self, subject: &str, from: &[u8], to: &[u8]) -> usize {
        let mut ids = self.of(subject);
        ids.retain(|id| {
            let has_it = |record: &Record| record.principal() == from;
            let swapped = self.swap(id, has_it, |record| *record = record.amended(to));
            matches!(swapped, CompareAndSwap::Stored(_))
        });
        ids.len()
    }

    pub(crate) fn create(&mut self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let kind = record.kind;
        self.create_counting(record, limit, |tables, subject, now| {
            let mut living = tables.living(subject, now);
            living.retain(|id| tables.records[id].kind.counts_with(kind));
            living
        })
    }

    /// Creates a sign-in. Those that `counted` returns count for the limit.
    pub(crate) fn create_counting(
        &mut self,
        mut record: Record,
        limit: Option<SignInLimit>,
        counted: impl FnOnce(&Self, &str, Timestamp) -> Vec<SignInId>,
    ) -> Creation {
        if self.records.contains_key(&record.id) {
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

    async fn load(&self, id: &SignInId) -> Loaded {
        Ok(self.tables().records.get(id).cloned())
    }

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.tables().create(record, limit)
    }

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        let change = |record: &mut Record| *record = record.updated(data);
        Ok(self.tables().swap(id, |record| record.version == version, change))
    }

    async fn rotate(&self, id: &SignInId, from: &Digest, rotation: Rotation) -> Swapped {
        let change = |record: &mut Record| rotation.apply(record);
        Ok(self.tables().swap(id, |record| record.current == *from, change))
    }

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Touched {
        if let Some(record) = self.tables().records.get_mut(id) {
            Arc::make_mut(record).touch(at);
        }
        Ok(())
    }

    async fn delete(&self, id: &SignInId) -> Ended {
        Ok(self.tables().remove(id))
    }

    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Deletion {
        let mut tables = self.tables();
        match tables.records.get(id).cloned() {
            None => Ok(Deleted::NotFound),
            Some(record) if record.version != version => Ok(Deleted::Conflict(record)),
            Some(_) => {
                tables.remove(id);
                Ok(Deleted::Done)
            }
        }
    }

    async fn delete_if_idle(&self, id: &SignInId, seen: Timestamp) -> Ended {
        let mut tables = self.tables();
        let idle = tables.records.get(id).is_some_and(|record| record.last_seen() <= seen);
        Ok(idle && tables.remove(id))
    }

    async fn list(&self, subject: &str) -> Listed {
        let tables = self.tables();
        let ids = tables.of(subject);
        Ok(ids.iter().filter_map(|id| tables.records.get(id).cloned()).collect())
    }

    async fn revoke(&self, subject: &str, id: &SignInId) -> Ended {
        let mut tables = self.tables();
        Ok(tables.of(subject).contains(id) && tables.remove(id))
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Count {
        let mut tables = self.tables();
        let mut ids = tables.of(subject);
        ids.retain(|id| id != keep);
        Ok(tables.remove_all(&ids))
    }

    async fn revoke_subject(&self, subject: &str) -> Count {
        let mut tables = self.tables();
        let ids = tables.of(subject);
        Ok(tables.remove_all(&ids))
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        Ok(self.tables().update_subject(subject, principal))
    }

    async fn swap_principal(&self, subject: &str, from: &[u8], to: &[u8]) -> Count {
        Ok(self.tables().swap_principal(subject, from, to))
    }

    async fn sweep(&self, now: Timestamp, max: usize) -> Sweep {
        let mut tables = self.tables();
        let expired = |record: &&Arc<Record>| record.expiry(now).is_some();
        let ids: Vec<_> =
            tables.records.values().filter(expired).map(|record| record.id).take(max).collect();
        Ok(Swept { removed: tables.remove_all(&ids), more: ids.len() == max })
    }
}
