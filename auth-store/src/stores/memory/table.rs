//! The records, under their ids.

use std::sync::Arc;

use auth_core::SignInId;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::RwLock;

use crate::record::Record;
use crate::store::{CompareAndSwap, Deleted};
use crate::watch::Watchers;

/// A lock in cache lines of its own, so that cores that read other shards do not wait for it.
#[repr(align(128))]
#[derive(Default)]
struct Shard(RwLock<HashTable<Arc<Record>>>);

pub(super) struct Table {
    shards: Box<[Shard]>,
    pub(super) watchers: Watchers,
}

/// Ids are random, so they are their own hash. The first two bytes may say where a store keeps
/// the sign-in, and those of one subject share them: they are left out.
fn hash(sid: &SignInId) -> u64 {
    let [_, _, _, _, _, _, _, _, hash @ ..] = *sid.as_bytes();
    u64::from_le_bytes(hash)
}

impl Table {
    /// So many shards, or as many as make a power of two: a remainder would cost every look-up.
    pub(super) fn new(shards: usize) -> Self {
        let shards = (0..shards.next_power_of_two()).map(|_| Shard::default()).collect();
        Self { shards, watchers: Watchers::default() }
    }

    fn shard(&self, sid: &SignInId) -> &RwLock<HashTable<Arc<Record>>> {
        let [_, _, low, high, ..] = *sid.as_bytes();
        &self.shards[usize::from(u16::from_le_bytes([low, high])) & (self.shards.len() - 1)].0
    }

    /// Lends the record, under the lock that other readers share.
    pub(super) fn with<T>(&self, sid: &SignInId, see: impl FnOnce(Option<&Arc<Record>>) -> T) -> T {
        let shard = self.shard(sid).read();
        see(shard.find(hash(sid), |record| record.sid == *sid))
    }

    pub(super) fn get(&self, sid: &SignInId) -> Option<Arc<Record>> {
        self.with(sid, |record| record.map(Arc::clone))
    }

    pub(super) fn is_taken(&self, sid: &SignInId) -> bool {
        self.with(sid, |record| record.is_some())
    }

    /// Inserts it, or says that its key is taken.
    pub(super) fn insert_new(&self, record: Arc<Record>) -> bool {
        let sid = record.sid;
        let mut shard = self.shard(&sid).write();
        match shard.entry(hash(&sid), |old| old.sid == sid, |old| hash(&old.sid)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(record);
                true
            }
        }
    }

    /// Replaces the record by a changed copy, if it is still as `expected`.
    pub(super) fn swap(
        &self,
        sid: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
        change: impl FnOnce(&Record) -> Record,
    ) -> CompareAndSwap {
        let mut shard = self.shard(sid).write();
        let Some(slot) = shard.find_mut(hash(sid), |record| record.sid == *sid) else {
            return CompareAndSwap::NotFound;
        };
        if !expected(slot) {
            return CompareAndSwap::Conflict(Arc::clone(slot));
        }
        *slot = Arc::new(change(slot)); // nobody touches it meanwhile: that takes the read lock
        let stored = CompareAndSwap::Stored(Arc::clone(slot));
        drop(shard);
        self.watchers.wake(sid);
        stored
    }

    /// Takes the record out, if it is still as `expected`.
    pub(super) fn remove(
        &self,
        sid: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
    ) -> (Deleted, Option<Arc<Record>>) {
        let mut shard = self.shard(sid).write();
        let Ok(entry) = shard.find_entry(hash(sid), |record| record.sid == *sid) else {
            return (Deleted::NotFound, None);
        };
        if !expected(entry.get()) {
            return (Deleted::Conflict(Arc::clone(entry.get())), None);
        }
        let (record, _) = entry.remove();
        if shard.len() * 8 < shard.capacity() {
            shard.shrink_to(0, |record| hash(&record.sid));
        }
        drop(shard);
        self.watchers.wake(sid);
        (Deleted::Done, Some(record))
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// At most `most` ids of one shard whose record is as asked. Readers go on meanwhile.
    pub(super) fn select(
        &self,
        shard: usize,
        most: usize,
        asked: impl Fn(&Record) -> bool,
    ) -> Vec<SignInId> {
        let shard = self.shards[shard].0.read();
        shard.iter().filter(|record| asked(record)).map(|record| record.sid).take(most).collect()
    }
}
