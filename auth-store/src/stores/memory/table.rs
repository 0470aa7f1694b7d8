//! The records under their ids, the bounds on their number, and the ids of each subject's sign-ins.
//!
//! Both tables are divided into shards, each with a lock, so that requests of different sign-ins rarely
//! wait for each other. [`Capacity`] is separate from them: a record reserves space before it is
//! inserted, because evicting another one for it takes other locks.
//!
//! The lock of a subject serializes everything that creates or ends its sign-ins, so that a limit holds
//! and a revocation misses none. Subjects share locks by their hash, in as many shards as the records.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_core::SignInId;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::record::Record;
use crate::store::{CompareAndSwap, Deleted};
use crate::striped::{Striped, hash};
use crate::watch::Watchers;

/// A lock in cache lines of its own: otherwise cores that read other shards would invalidate its
/// cache line.
#[repr(align(128))]
#[derive(Default)]
struct Shard(RwLock<HashTable<Arc<Record>>>);

pub(super) struct Table {
    shards: Striped<Shard>,
    pub(super) watchers: Watchers,
}

impl Table {
    /// Creates a table with this number of shards, rounded up to a power of two.
    pub(super) fn new(shards: usize) -> Self {
        Self { shards: Striped::new(shards), watchers: Watchers::default() }
    }

    fn shard(&self, id: &SignInId) -> &RwLock<HashTable<Arc<Record>>> {
        &self.shards.of(id).0
    }

    /// Calls `visit` with the record, while holding a lock that other readers share.
    pub(super) fn with<T>(
        &self,
        id: &SignInId,
        visit: impl FnOnce(Option<&Arc<Record>>) -> T,
    ) -> T {
        let shard = self.shard(id).read();
        visit(shard.find(hash(id), |record| record.id == *id))
    }

    pub(super) fn get(&self, id: &SignInId) -> Option<Arc<Record>> {
        self.with(id, |record| record.map(Arc::clone))
    }

    pub(super) fn contains(&self, id: &SignInId) -> bool {
        self.with(id, |record| record.is_some())
    }

    /// Inserts a record, unless its id exists. Returns whether it was inserted.
    pub(super) fn insert_new(&self, record: Arc<Record>) -> bool {
        let id = record.id;
        let mut shard = self.shard(&id).write();
        match shard.entry(hash(&id), |old| old.id == id, |old| hash(&old.id)) {
            Entry::Occupied(_) => false,
            Entry::Vacant(entry) => {
                entry.insert(record);
                true
            }
        }
    }

    /// Replaces the record by a changed copy, if it is as `expected`.
    pub(super) fn swap(
        &self,
        id: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
        change: impl FnOnce(&Record) -> Record,
    ) -> CompareAndSwap {
        let mut shard = self.shard(id).write();
        let Some(slot) = shard.find_mut(hash(id), |record| record.id == *id) else {
            return CompareAndSwap::NotFound;
        };
        if !expected(slot) {
            return CompareAndSwap::Conflict(Arc::clone(slot));
        }
        *slot = Arc::new(change(slot)); // `touch` takes the read lock, so none is lost meanwhile
        let stored = CompareAndSwap::Stored(Arc::clone(slot));
        drop(shard);
        self.watchers.wake(id);
        stored
    }

    /// Removes the record, if it is as `expected`.
    pub(super) fn remove(
        &self,
        id: &SignInId,
        expected: impl FnOnce(&Record) -> bool,
    ) -> (Deleted, Option<Arc<Record>>) {
        let mut shard = self.shard(id).write();
        let Ok(entry) = shard.find_entry(hash(id), |record| record.id == *id) else {
            return (Deleted::NotFound, None);
        };
        if !expected(entry.get()) {
            return (Deleted::Conflict(Arc::clone(entry.get())), None);
        }
        let (record, _) = entry.remove();
        if shard.len() * 8 < shard.capacity() {
            shard.shrink_to(0, |record| hash(&record.id));
        }
        drop(shard);
        self.watchers.wake(id);
        (Deleted::Done, Some(record))
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.all().len()
    }

    /// Returns at most `max` ids of one shard whose records match. Readers are not blocked.
    pub(super) fn select(
        &self,
        shard: usize,
        max: usize,
        matches: impl Fn(&Record) -> bool,
    ) -> Vec<SignInId> {
        let shard = self.shards.all()[shard].0.read();
        shard.iter().filter(|record| matches(record)).map(|record| record.id).take(max).collect()
    }
}

/// Counts all records and the anonymous ones, and lists the anonymous ones in the order of their
/// creation.
pub(super) struct Capacity {
    max: usize,
    max_anonymous: usize,
    all: AtomicUsize,
    anonymous: AtomicUsize,
    /// May contain the ids of deleted records. They are skipped, and removed now and then.
    queue: Mutex<VecDeque<SignInId>>,
}

impl Capacity {
    pub(super) fn new(max: usize, max_anonymous: usize) -> Self {
        let (all, anonymous) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { max, max_anonymous, all, anonymous, queue: Mutex::default() }
    }

    /// Reserves space for one record, and returns whether there was any.
    pub(super) fn reserve(&self, anonymous: bool) -> bool {
        if anonymous && !increment_below(&self.anonymous, self.max_anonymous) {
            return false;
        }
        if increment_below(&self.all, self.max) {
            return true;
        }
        if anonymous {
            self.anonymous.fetch_sub(1, Ordering::Relaxed);
        }
        false
    }

    /// Releases the space of one record.
    pub(super) fn release(&self, anonymous: bool) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        if anonymous {
            self.anonymous.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Returns whether the next record may find no space.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.max || self.anonymous.load(Ordering::Relaxed) >= self.max_anonymous
    }

    pub(super) fn len(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    /// Locks the queue of anonymous records, oldest first. While it is held, none is added.
    pub(super) fn queue(&self) -> MutexGuard<'_, VecDeque<SignInId>> {
        self.queue.lock()
    }

    /// Removes deleted records from the queue once they are the majority.
    pub(super) fn compact(
        &self,
        queue: &mut VecDeque<SignInId>,
        exists: impl Fn(&SignInId) -> bool,
    ) {
        if queue.len() > 64 + 2 * self.anonymous.load(Ordering::Relaxed) {
            queue.retain(exists);
            queue.shrink_to_fit();
        }
    }
}

/// Increments a counter that is below its maximum, and returns whether it was.
fn increment_below(count: &AtomicUsize, max: usize) -> bool {
    let next = |count: usize| (count < max).then_some(count + 1);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

type Slot = Box<Subject>;

/// The ids of the sign-ins of all subjects.
pub(super) struct Subjects {
    hasher: RandomState,
    shards: Box<[Mutex<HashTable<Slot>>]>,
}

/// The sign-ins of one subject. Most subjects have only one, which is stored without a list.
struct Subject {
    name: Arc<str>,
    sign_ins: SubjectSignIns,
}

enum SubjectSignIns {
    One(SignInId),
    Many(Vec<SignInId>),
}

impl SubjectSignIns {
    fn as_slice(&self) -> &[SignInId] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

impl Subjects {
    pub(super) fn new(shards: usize) -> Self {
        let shards = (0..shards).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), shards }
    }

    /// Locks the set of a subject's sign-ins. No other operation changes it until the guard is
    /// dropped.
    pub(super) fn lock<'a>(&'a self, name: &'a str) -> LockedSubject<'a> {
        let hash = self.hasher.hash_one(name);
        let at = usize::try_from(hash >> 32).unwrap_or(0) % self.shards.len();
        LockedSubject { name, hash, shard: self.shards[at].lock(), hasher: &self.hasher }
    }
}

/// A subject whose set of sign-ins is locked.
pub(super) struct LockedSubject<'a> {
    name: &'a str,
    hash: u64,
    shard: MutexGuard<'a, HashTable<Slot>>,
    hasher: &'a RandomState,
}

impl LockedSubject<'_> {
    pub(super) fn sign_ins(&self) -> Vec<SignInId> {
        let found = self.shard.find(self.hash, |subject| *subject.name == *self.name);
        found.map_or_else(Vec::new, |subject| subject.sign_ins.as_slice().to_vec())
    }

    pub(super) fn len(&self) -> usize {
        let found = self.shard.find(self.hash, |subject| *subject.name == *self.name);
        found.map_or(0, |subject| subject.sign_ins.as_slice().len())
    }

    pub(super) fn contains(&self, id: &SignInId) -> bool {
        let found = self.shard.find(self.hash, |subject| *subject.name == *self.name);
        found.is_some_and(|subject| subject.sign_ins.as_slice().contains(id))
    }

    /// Appends a sign-in, which must be the youngest.
    pub(super) fn add(&mut self, name: &Arc<str>, id: SignInId) {
        let same = |subject: &Slot| *subject.name == **name;
        let rehash = |subject: &Slot| self.hasher.hash_one(&*subject.name);
        match self.shard.entry(self.hash, same, rehash) {
            Entry::Vacant(entry) => {
                let sign_ins = SubjectSignIns::One(id);
                entry.insert(Slot::new(Subject { name: Arc::clone(name), sign_ins }));
            }
            Entry::Occupied(mut entry) => match &mut entry.get_mut().sign_ins {
                SubjectSignIns::Many(ids) => ids.push(id),
                one @ SubjectSignIns::One(_) => {
                    *one = SubjectSignIns::Many([one.as_slice(), &[id]].concat());
                }
            },
        }
    }

    pub(super) fn remove(&mut self, id: &SignInId) {
        self.remove_if(|listed| listed == id);
    }

    /// Removes the sign-ins for which `gone` returns true.
    pub(super) fn remove_if(&mut self, gone: impl Fn(&SignInId) -> bool) {
        let same = |subject: &Slot| *subject.name == *self.name;
        let Ok(mut entry) = self.shard.find_entry(self.hash, same) else { return };
        let sign_ins = &mut entry.get_mut().sign_ins;
        let left = match sign_ins {
            SubjectSignIns::One(id) => usize::from(!gone(id)),
            SubjectSignIns::Many(ids) => {
                ids.retain(|id| !gone(id));
                ids.len()
            }
        };
        if left == 0 {
            entry.remove();
            if self.shard.len() * 8 < self.shard.capacity() {
                self.shard.shrink_to(0, |subject| self.hasher.hash_one(&*subject.name));
            }
        } else if let [last] = *sign_ins.as_slice() {
            *sign_ins = SubjectSignIns::One(last);
        }
    }
}
