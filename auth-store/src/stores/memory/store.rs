//! The store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use super::builder::MemoryStoreBuilder;
use super::room::Capacity;
use super::subjects::Subjects;
use super::table::Table;
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{Record, Rotation};
use crate::secret::Digest;
use crate::store::{CompareAndSwap, Created, Deleted, Peek, SignInLimit, Store};
use crate::watch::Watch;

/// Sign-ins in this process's memory: for one server, for development and for tests. They end with
/// the process.
///
/// ```
/// use auth_store::MemoryStore;
///
/// let store = MemoryStore::builder().capacity(100_000).max_anonymous(10_000).build();
/// assert!(store.is_empty());
/// ```
///
/// It is bounded, see [`MemoryStoreBuilder`], and collects what has expired while new sign-ins
/// arrive, a little at a time. A look-up takes one lock, shared with other look-ups.
pub struct MemoryStore {
    pub(super) table: Table,
    pub(super) subjects: Subjects,
    pub(super) room: Capacity,
    pub(super) creates: AtomicUsize,
    pub(super) rescue_at: AtomicU64,
}

impl MemoryStore {
    /// A store for at most 10 million sign-ins, one million of them anonymous.
    #[must_use]
    pub fn new() -> Self {
        MemoryStoreBuilder::default().build()
    }

    /// Says how much the store holds.
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder::default()
    }

    /// How many sign-ins there are, expired ones that were not collected yet included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.room.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl MemoryStoreBuilder {
    /// The store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore {
            table: Table::new(self.shards),
            subjects: Subjects::new(self.shards),
            room: Capacity::new(self.capacity, self.max_anonymous),
            creates: AtomicUsize::new(0),
            rescue_at: AtomicU64::new(0),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn peek(&self, sid: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        self.table.with(sid, |record| see(Peek::Authoritative(record)));
    }

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(self.table.get(sid))
    }

    fn watch(&self, sid: &SignInId) -> Option<Watch> {
        Some(self.table.watchers.watch(sid))
    }

    async fn create(
        &self,
        mut record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        record.version = 0;
        self.collect_some(record.created_at);
        match record.subject.clone() {
            None => self.create_anonymous(record),
            Some(subject) => self.create_signed_in(record, &subject, limit),
        }
    }

    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let expected = |record: &Record| record.version == version;
        Ok(self.table.swap(sid, expected, |record| record.with_data(data)))
    }

    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let rotate = |record: &Record| {
            let mut rotated = record.clone();
            rotation.apply(&mut rotated);
            rotated
        };
        Ok(self.table.swap(sid, |record| record.current == *from, rotate))
    }

    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        self.table.with(sid, |record| {
            if let Some(record) = record {
                record.touch(at);
            }
        });
        Ok(())
    }

    async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
        Ok(matches!(self.take_away(sid, |_| true), Deleted::Done))
    }

    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        Ok(self.take_away(sid, |record| record.version == version))
    }

    async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let deleted = self.take_away(sid, |record| record.last_seen() <= last_seen);
        Ok(matches!(deleted, Deleted::Done))
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        Ok(self.oldest_first(&self.subjects.lock(subject)))
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        let mut locked = self.subjects.lock(subject);
        Ok(locked.has(sid) && self.remove_all(&mut locked, [*sid]) > 0)
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        let mut locked = self.subjects.lock(subject);
        let mut sids = locked.sign_ins();
        sids.retain(|sid| sid != keep);
        Ok(self.remove_all(&mut locked, sids))
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let mut locked = self.subjects.lock(subject);
        let sids = locked.sign_ins();
        Ok(self.remove_all(&mut locked, sids))
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        let locked = self.subjects.lock(subject);
        let sids = locked.sign_ins();
        for sid in &sids {
            let amend = |record: &Record| {
                let mut amended = record.clone();
                amended.set_principal(principal);
                amended.version += 1;
                amended
            };
            self.table.swap(sid, |_| true, amend);
        }
        Ok(sids.len())
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        let mut collected = 0;
        for shard in 0..self.table.shards() {
            collected += self.collect(shard, now, most - collected);
        }
        Ok(collected)
    }
}
