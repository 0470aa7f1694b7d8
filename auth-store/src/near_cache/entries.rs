//! The cached records, bounded in number and in bytes.
//!
//! A load and a change of the same sign-in can overlap. Counters, one for each group of sign-ins, show
//! a load whether a change came in between, so that an outdated record is never kept.

use std::collections::hash_map::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_core::SignInId;
use quick_cache::sync;

use crate::record::Record;
use crate::striped::Striped;

/// The number of change counters. With several, a change does not discard the loads of most other
/// sign-ins.
const STRIPES: usize = 256;

/// What an entry takes in addition to its record: its place in the table and in the eviction queue,
/// with the space that these keep free, and two reference counters.
const OVERHEAD: u64 = 192;

/// The cached records.
pub(super) struct Entries {
    entries: sync::Cache<SignInId, Arc<Entry>, Weight, RandomState>,
    /// The least that an entry weighs: an equal share, so that there are never more than
    /// `max_entries`.
    min_weight: u64,
    changes: Striped<AtomicU64>,
}

/// A record, and the moment in monotonic time until which it may be used.
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    pub(super) usable_until: Duration,
    weight: u64,
}

/// The value of a change counter when a load began.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

#[derive(Clone)]
struct Weight;

impl quick_cache::Weighter<SignInId, Arc<Entry>> for Weight {
    fn weight(&self, _: &SignInId, entry: &Arc<Entry>) -> u64 {
        entry.weight
    }
}

impl Entries {
    pub(super) fn new(max_entries: usize, max_bytes: u64) -> Self {
        let options = quick_cache::OptionsBuilder::new()
            .estimated_items_capacity(max_entries)
            .weight_capacity(max_bytes)
            .build()
            .expect("both capacities are given");
        let random = RandomState::new();
        Self {
            entries: sync::Cache::with_options(options, Weight, random, Default::default()),
            min_weight: max_bytes.div_ceil(max_entries.max(1) as u64),
            changes: Striped::new(STRIPES),
        }
    }

    pub(super) fn get(&self, id: &SignInId) -> Option<Arc<Entry>> {
        self.entries.get(id)
    }

    /// Returns the ticket that a load takes before it begins.
    pub(super) fn ticket(&self, id: &SignInId) -> Ticket {
        Ticket(self.changes.of(id).load(Ordering::SeqCst))
    }

    /// Keeps a loaded record, unless a change came in since the ticket was taken.
    ///
    /// A change counts first and removes the entry second. If it is counted between the two
    /// comparisons, the entry is removed here; if it is counted later, the change removes it.
    pub(super) fn insert(&self, ticket: Ticket, record: &Arc<Record>, usable_until: Duration) {
        let id = record.id;
        if self.ticket(&id).0 != ticket.0 {
            return;
        }
        let weight = (record.bytes() as u64 + OVERHEAD).max(self.min_weight);
        let record = Arc::clone(record);
        self.entries.insert(id, Arc::new(Entry { record, usable_until, weight }));
        if self.ticket(&id).0 != ticket.0 {
            self.entries.remove(&id);
        }
    }

    /// Removes the entry of a sign-in, and discards the loads that are under way.
    pub(super) fn remove(&self, id: &SignInId) {
        self.changes.of(id).fetch_add(1, Ordering::SeqCst);
        self.entries.remove(id);
    }

    /// Removes the entries of a subject, and discards all loads that are under way.
    pub(super) fn remove_subject(&self, subject: &str) {
        self.count_change_of_all();
        self.entries.retain(|_, entry| entry.record.subject.as_deref() != Some(subject));
    }

    /// Removes every entry, and discards all loads that are under way.
    pub(super) fn clear(&self) {
        self.count_change_of_all();
        self.entries.clear();
    }

    fn count_change_of_all(&self) {
        for changes in self.changes.all() {
            changes.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.entries.weight()
    }
}
