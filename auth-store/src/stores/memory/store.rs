//! The store: its options, creation with a limit, and deletion.
//!
//! A record lives in the [`Table`], under its id. A sign-in of a subject is also listed in
//! [`Subjects`], and an anonymous one in the queue of [`Capacity`]. Whatever changes the set of a
//! subject's sign-ins locks the subject first and then, briefly, the record. Reading a record locks
//! only the record's shard.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use super::table::{Capacity, LockedSubject, Subjects, Table};
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{Record, Rotation};
use crate::secret::Digest;
use crate::store::{
    Cleanup, CompareAndSwap, Created, Deleted, OverflowPolicy, Peek, SignInLimit, Store,
    StoreBounds, Swept,
};
use crate::watch::Watch;

/// The average number of records that each new sign-in examines for their expiry. It is high enough
/// to examine all records before their number grows by an eighth.
const EXAMINED_PER_CREATE: usize = 8;
/// The interval at which a full store examines all records at once.
const FULL_SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Stores sign-ins in the memory of this process, for a single server, for development and for
/// tests. They are lost when the process ends.
///
/// ```
/// use auth_store::MemoryStore;
///
/// let store = MemoryStore::builder().capacity(100_000).max_anonymous(10_000).build();
/// assert!(store.is_empty());
/// ```
///
/// Its size is bounded, see [`MemoryStoreBuilder`]. New sign-ins trigger the deletion of expired
/// ones, a few at a time. A look-up takes one lock, which other look-ups share.
pub struct MemoryStore {
    table: Table,
    subjects: Subjects,
    capacity: Capacity,
    creates: AtomicUsize,
    /// The time, in milliseconds, from which a full store may examine all records again.
    full_sweep_at: AtomicU64,
}

/// Configures a [`MemoryStore`].
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct MemoryStoreBuilder {
    capacity: usize,
    max_anonymous: usize,
    shards: usize,
}

impl MemoryStore {
    /// Creates a store for at most 10 million sign-ins, of which one million may be anonymous.
    #[must_use]
    pub fn new() -> Self {
        MemoryStoreBuilder::default().build()
    }

    /// Returns a builder that sets the size of the store.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::default()
    }

    /// Returns the number of sign-ins. It includes expired ones that were not deleted yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.capacity.len()
    }

    /// Returns whether the store contains no sign-ins.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl MemoryStoreBuilder {
    /// Sets the maximum number of sign-ins, anonymous ones included. Defaults to 10 million. A
    /// sign-in with one role takes about 350 bytes. The user agent, claims, the identity that is decoded from
    /// them, and the application's data come on top.
    ///
    /// A full store evicts its oldest anonymous sign-ins. If it has none, new sign-ins fail as unavailable.
    pub fn capacity(self, max: usize) -> Self {
        Self { capacity: max, ..self }
    }

    /// Sets the maximum number of anonymous sign-ins. The oldest are evicted first. Defaults to one
    /// million.
    pub fn max_anonymous(self, max: usize) -> Self {
        Self { max_anonymous: max, ..self }
    }

    /// Creates the store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore {
            table: Table::new(self.shards),
            subjects: Subjects::new(self.shards),
            capacity: Capacity::new(self.capacity, self.max_anonymous),
            creates: AtomicUsize::new(0),
            full_sweep_at: AtomicU64::new(0),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for MemoryStoreBuilder {
    fn default() -> Self {
        Self { capacity: 10_000_000, max_anonymous: 1_000_000, shards: 256 }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn peek(&self, id: &SignInId, visit: &mut dyn FnMut(Peek<'_>)) {
        self.table.with(id, |record| visit(Peek::Authoritative(record)));
    }

    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(self.table.get(id))
    }

    fn watch(&self, id: &SignInId) -> Option<Watch> {
        Some(self.table.watchers.watch(id))
    }

    async fn create(
        &self,
        mut record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        record.version = 0;
        self.delete_some_expired(record.created_at);
        match record.subject.clone() {
            None => self.create_anonymous(record),
            Some(subject) => self.create_for_subject(record, &subject, limit),
        }
    }

    async fn update(
        &self,
        id: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let expected = |record: &Record| record.version == version;
        Ok(self.table.swap(id, expected, |record| record.updated(data)))
    }

    async fn rotate(
        &self,
        id: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let rotate = |record: &Record| {
            let mut rotated = record.clone();
            rotation.apply(&mut rotated);
            rotated
        };
        Ok(self.table.swap(id, |record| record.current == *from, rotate))
    }

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        self.table.with(id, |record| {
            if let Some(record) = record {
                record.touch_shared(at);
            }
        });
        Ok(())
    }

    async fn delete(&self, id: &SignInId) -> Result<bool, StoreError> {
        Ok(matches!(self.delete_record(id, |_| true), Deleted::Done))
    }

    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        Ok(self.delete_record(id, |record| record.version == version))
    }

    async fn delete_if_idle(
        &self,
        id: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let deleted = self.delete_record(id, |record| record.last_seen() <= last_seen);
        Ok(matches!(deleted, Deleted::Done))
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        Ok(self.oldest_first(&self.subjects.lock(subject)))
    }

    async fn revoke(&self, subject: &str, id: &SignInId) -> Result<bool, StoreError> {
        let mut locked = self.subjects.lock(subject);
        Ok(locked.contains(id) && self.delete_all(&mut locked, [*id]) > 0)
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        let mut locked = self.subjects.lock(subject);
        let mut ids = locked.sign_ins();
        ids.retain(|id| id != keep);
        Ok(self.delete_all(&mut locked, ids))
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let mut locked = self.subjects.lock(subject);
        let ids = locked.sign_ins();
        Ok(self.delete_all(&mut locked, ids))
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        let locked = self.subjects.lock(subject);
        let ids = locked.sign_ins();
        for id in &ids {
            self.table.swap(id, |_| true, |record| record.amended(principal));
        }
        Ok(ids.len())
    }

    async fn swap_principal(
        &self,
        subject: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<usize, StoreError> {
        let locked = self.subjects.lock(subject);
        let swapped = locked.sign_ins().into_iter().filter(|id| {
            let has_it = |record: &Record| record.principal() == from;
            let swapped = self.table.swap(id, has_it, |record| record.amended(to));
            matches!(swapped, CompareAndSwap::Stored(_))
        });
        Ok(swapped.count())
    }

    async fn sweep(&self, now: Timestamp, max: usize) -> Result<Swept, StoreError> {
        let mut removed = 0;
        for shard in 0..self.table.shards() {
            removed += self.delete_expired(shard, now, max - removed);
        }
        Ok(Swept { removed, more: removed == max })
    }

    /// New sign-ins trigger the deletion of expired ones.
    fn bounds(&self) -> StoreBounds {
        StoreBounds::default().cleanup(Cleanup::Automatic)
    }
}

/// Creation.
impl MemoryStore {
    /// Creates an anonymous sign-in. It holds the queue meanwhile, so that the queue lists all of them.
    fn create_anonymous(&self, record: Record) -> Result<Created, StoreError> {
        let id = record.id;
        let mut queue = self.capacity.queue();
        if self.table.contains(&id) {
            return Err(StoreError::duplicate_id());
        }
        while !self.capacity.reserve(true) {
            let oldest = queue.pop_front().ok_or_else(full)?;
            self.delete_from_table(&oldest, |record| record.subject.is_none());
        }
        if !self.table.insert_new(Arc::new(record)) {
            self.capacity.release(true);
            return Err(StoreError::duplicate_id());
        }
        queue.push_back(id);
        self.capacity.compact(&mut queue, |id| self.table.contains(id));
        Ok(Created::Stored { evicted: 0 })
    }

    fn create_for_subject(
        &self,
        record: Record,
        subject: &Arc<str>,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let id = record.id;
        let mut locked = self.subjects.lock(subject);
        if self.table.contains(&id) {
            return Err(StoreError::duplicate_id());
        }
        let surplus =
            limit.map_or_else(Vec::new, |limit| self.surplus(&mut locked, &record, limit));
        match (surplus.as_slice(), limit) {
            ([], _) => self.reserve_or_evict()?,
            (_, Some(SignInLimit { when_full: OverflowPolicy::Reject, .. })) => {
                return Ok(Created::LimitReached);
            }
            ([replaced, others @ ..], _) => {
                self.delete_all(&mut locked, others.iter().map(|record| record.id));
                locked.remove(&replaced.id);
                // The new sign-in takes over the reservation of this one.
                self.table.remove(&replaced.id, |_| true);
            }
        }
        if !self.table.insert_new(Arc::new(record)) {
            self.capacity.release(false);
            return Err(StoreError::duplicate_id());
        }
        locked.add(subject, id);
        Ok(Created::Stored { evicted: surplus.len() })
    }

    /// Returns the sign-ins of a subject that must be deleted before this new one is created, oldest first.
    /// At the limit, deletes the expired ones, which do not count.
    fn surplus(
        &self,
        locked: &mut LockedSubject<'_>,
        new: &Record,
        limit: SignInLimit,
    ) -> Vec<Arc<Record>> {
        let max = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
        if locked.len() < max {
            return Vec::new();
        }
        let sign_ins = self.oldest_first(locked);
        let (mut live, expired): (Vec<_>, Vec<_>) =
            sign_ins.into_iter().partition(|record| record.expiry(new.created_at).is_none());
        self.delete_all(locked, expired.iter().map(|record| record.id));
        live.retain(|record| record.kind.counts_with(new.kind));
        live.truncate((live.len() + 1).saturating_sub(max));
        live
    }

    /// Returns the sign-ins of a subject in the order of their creation.
    fn oldest_first(&self, locked: &LockedSubject<'_>) -> Vec<Arc<Record>> {
        let mut records: Vec<_> =
            locked.sign_ins().iter().filter_map(|id| self.table.get(id)).collect();
        records.sort_by_key(|record| record.created_at);
        records
    }

    /// Reserves space for a sign-in of a subject. A full store evicts its oldest anonymous ones.
    fn reserve_or_evict(&self) -> Result<(), StoreError> {
        while !self.capacity.reserve(false) {
            let oldest = self.capacity.queue().pop_front().ok_or_else(full)?;
            self.delete_from_table(&oldest, |record| record.subject.is_none());
        }
        Ok(())
    }
}

/// Deletion.
impl MemoryStore {
    /// Deletes a record from the table, but not from the set of its subject: the record is anonymous,
    /// or the caller has locked the subject and updates the set.
    fn delete_from_table(&self, id: &SignInId, expected: impl FnOnce(&Record) -> bool) -> Deleted {
        let (deleted, record) = self.table.remove(id, expected);
        if let Some(record) = record {
            self.capacity.release(record.subject.is_none());
        }
        deleted
    }

    /// Deletes a record from the table and from the set of its subject.
    fn delete_record(&self, id: &SignInId, expected: impl FnOnce(&Record) -> bool) -> Deleted {
        let subject = match self.table.get(id) {
            Some(record) => record.subject.clone(),
            None => return Deleted::NotFound,
        };
        let Some(subject) = subject else { return self.delete_from_table(id, expected) };
        let mut locked = self.subjects.lock(&subject);
        let deleted = self.delete_from_table(id, expected);
        if matches!(deleted, Deleted::Done) {
            locked.remove(id);
        }
        deleted
    }

    /// Deletes these sign-ins of a locked subject, and returns their number.
    fn delete_all(
        &self,
        locked: &mut LockedSubject<'_>,
        ids: impl IntoIterator<Item = SignInId>,
    ) -> usize {
        let ids: HashSet<_> = ids.into_iter().collect();
        for id in &ids {
            self.delete_from_table(id, |_| true);
        }
        locked.remove_if(|listed| ids.contains(listed));
        ids.len()
    }

    /// Deletes at most `max` expired records of one shard. Readers are not blocked while it searches.
    fn delete_expired(&self, shard: usize, now: Timestamp, max: usize) -> usize {
        let expired = |record: &Record| record.expiry(now).is_some();
        let found = self.table.select(shard, max, expired);
        found.iter().filter(|id| matches!(self.delete_record(id, expired), Deleted::Done)).count()
    }

    /// Deletes some expired records when a sign-in is created: those of one shard now and then, and all
    /// of them when the store is full.
    fn delete_some_expired(&self, now: Timestamp) {
        let shards = self.table.shards();
        let creates = self.creates.fetch_add(1, Ordering::Relaxed);
        let every = (self.len() / shards / EXAMINED_PER_CREATE).max(1);
        if creates.is_multiple_of(every) {
            self.delete_expired(creates / every % shards, now, usize::MAX);
        }
        if self.capacity.is_full() && self.full_sweep_is_due(now) {
            (0..shards).for_each(|shard| _ = self.delete_expired(shard, now, usize::MAX));
        }
    }

    fn full_sweep_is_due(&self, now: Timestamp) -> bool {
        let next = (now + FULL_SWEEP_EVERY).as_millis();
        let due = |at: u64| (now.as_millis() >= at).then_some(next);
        self.full_sweep_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }
}

fn full() -> StoreError {
    StoreError::unavailable("the store is full")
}
