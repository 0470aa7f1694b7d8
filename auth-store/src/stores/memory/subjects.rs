//! The sign-ins of each subject, oldest first.
//!
//! The lock of a subject serializes everything that creates or ends its sign-ins, so that a limit holds
//! and a revocation misses none. Subjects share locks by their hash, in as many shards as the table.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use auth_core::SignInId;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::{Mutex, MutexGuard};

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
