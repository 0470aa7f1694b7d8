//! The store.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use super::builder::MemoryStoreBuilder;
use super::room::Room;
use super::subjects::{Locked, Subjects};
use super::table::Table;
use crate::data::Data;
use crate::error::StoreError;
use crate::record::Record;
use crate::secret::Digest;
use crate::store::{Created, Deleted, Limit, Peek, Rotation, Store, Swap, WhenFull};

/// How often `create` also looks through one shard for what has expired.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How many sign-ins it collects then at most.
const SWEEP_MOST: usize = 256;

/// Sign-ins in this process's memory: for one server, for development and for tests. They end with
/// the process.
///
/// ```
/// use auth_store::MemoryStore;
///
/// let store = MemoryStore::builder().capacity(100_000).anonymous(10_000).build();
/// assert!(store.is_empty());
/// ```
///
/// It is bounded, see [`MemoryStoreBuilder`], and collects what has expired while new sign-ins
/// arrive, a little at a time. A look-up takes one lock, shared with other look-ups.
pub struct MemoryStore {
    table: Table,
    subjects: Subjects,
    room: Room,
    sweep_at: AtomicU64,
    sweep_next: AtomicUsize,
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

    pub(super) fn with(builder: MemoryStoreBuilder) -> Self {
        Self {
            table: Table::new(builder.shards),
            subjects: Subjects::new(builder.shards),
            room: Room::new(builder.capacity, builder.anonymous),
            sweep_at: AtomicU64::new(0),
            sweep_next: AtomicUsize::new(0),
        }
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

    fn create_anonymous(&self, record: Record) -> Result<Created, StoreError> {
        let sid = record.sid;
        self.make_room(true)?;
        if !self.table.insert_new(Arc::new(record)) {
            self.room.give_back(true);
            return Err(StoreError::taken());
        }
        self.room.remember(sid, |sid| self.table.is_taken(sid));
        Ok(Created::Stored { evicted: 0 })
    }

    fn create_signed_in(
        &self,
        record: Record,
        subject: &Arc<str>,
        limit: Option<Limit>,
    ) -> Result<Created, StoreError> {
        let (sid, now) = (record.sid, record.created_at);
        let mut locked = self.subjects.lock(subject);
        if self.table.is_taken(&sid) {
            return Err(StoreError::taken());
        }
        self.make_room(false)?;
        let evicted = match limit {
            None => Some(0),
            Some(limit) => self.keep_limit(&mut locked, limit, now),
        };
        let stored = evicted.is_some() && self.table.insert_new(Arc::new(record));
        if !stored {
            self.room.give_back(false);
        }
        match evicted {
            None => Ok(Created::LimitReached),
            Some(_) if !stored => Err(StoreError::taken()),
            Some(evicted) => {
                locked.add(subject, sid);
                Ok(Created::Stored { evicted })
            }
        }
    }

    /// Takes a place, and evicts the oldest anonymous records for it.
    fn make_room(&self, anonymous: bool) -> Result<(), StoreError> {
        while !self.room.take(anonymous) {
            let oldest = self.room.oldest_anonymous();
            let oldest = oldest.ok_or_else(|| StoreError::unavailable("the store is full"))?;
            self.take_out(&oldest, |record| record.subject.is_none());
        }
        Ok(())
    }

    /// Takes a record out of the table alone; whoever asks holds its subject's lock.
    fn take_out(&self, sid: &SignInId, expected: impl FnOnce(&Record) -> bool) -> Deleted {
        let (deleted, record) = self.table.remove(sid, expected);
        if let Some(record) = record {
            self.room.give_back(record.subject.is_none());
        }
        deleted
    }

    /// Takes a record out of the table and of its subject's set.
    fn take_away(&self, sid: &SignInId, expected: impl FnOnce(&Record) -> bool) -> Deleted {
        let subject = match self.table.get(sid) {
            Some(record) => record.subject.clone(),
            None => return Deleted::Gone,
        };
        let Some(subject) = subject else { return self.take_out(sid, expected) };
        let mut locked = self.subjects.lock(&subject);
        let deleted = self.take_out(sid, expected);
        if matches!(deleted, Deleted::Done) {
            locked.remove(sid);
        }
        deleted
    }

    fn take_away_all(&self, locked: &mut Locked<'_>, sids: &[SignInId]) -> usize {
        for sid in sids {
            self.take_out(sid, |_| true);
            locked.remove(sid);
        }
        sids.len()
    }

    /// Makes the subject's set small enough for one more, or says that it is full.
    fn keep_limit(&self, locked: &mut Locked<'_>, limit: Limit, now: Timestamp) -> Option<usize> {
        let (expired, living): (Vec<_>, Vec<_>) = locked.sign_ins().into_iter().partition(|sid| {
            self.table.get(sid).is_none_or(|record| record.expiry(now).is_some())
        });
        self.take_away_all(locked, &expired);
        let most = usize::try_from(limit.most.get()).unwrap_or(usize::MAX);
        let too_many = (living.len() + 1).saturating_sub(most);
        match limit.when_full {
            WhenFull::Refuse if too_many > 0 => None,
            _ => Some(self.take_away_all(locked, &living[..too_many])),
        }
    }

    fn collect(&self, shard: usize, now: Timestamp, most: usize) -> usize {
        let expired = self.table.select(shard, most, |record| record.expiry(now).is_some());
        let still = |record: &Record| record.expiry(now).is_some();
        expired.iter().filter(|sid| matches!(self.take_away(sid, still), Deleted::Done)).count()
    }

    /// Looks through one shard now and then, at the cost of whoever signs in.
    fn collect_some(&self, now: Timestamp) {
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
        self.table.with(sid, |record| see(Peek::Known(record)));
    }

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        Ok(self.table.get(sid))
    }

    async fn create(&self, mut record: Record, limit: Option<Limit>) -> Result<Created, StoreError> {
        record.version = 0;
        self.collect_some(record.created_at);
        match record.subject.clone() {
            None => self.create_anonymous(record),
            Some(subject) => self.create_signed_in(record, &subject, limit),
        }
    }

    async fn update(&self, sid: &SignInId, version: u64, data: Data) -> Result<Swap, StoreError> {
        let expected = |record: &Record| record.version == version;
        Ok(self.table.swap(sid, expected, |record| record.with_data(data)))
    }

    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<Swap, StoreError> {
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

    async fn delete_if(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError> {
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
        let locked = self.subjects.lock(subject);
        Ok(locked.sign_ins().iter().filter_map(|sid| self.table.get(sid)).collect())
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        let mut locked = self.subjects.lock(subject);
        Ok(locked.has(sid) && self.take_away_all(&mut locked, &[*sid]) > 0)
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        let mut locked = self.subjects.lock(subject);
        let mut sids = locked.sign_ins();
        sids.retain(|sid| sid != keep);
        Ok(self.take_away_all(&mut locked, &sids))
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        let mut locked = self.subjects.lock(subject);
        let sids = locked.sign_ins();
        Ok(self.take_away_all(&mut locked, &sids))
    }

    async fn amend_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
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
