//! Copies of records, bounded in number and in bytes.

use std::collections::hash_map::RandomState;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_core::SignInId;
use quick_cache::sync;

use crate::record::Record;

/// Changes are counted by so many stripes of ids, so that one does not stop the filling of others.
const STRIPES: usize = 256;

/// What a copy takes beside its record: its place in the table and in the queue of evictions, with
/// the room that these keep free, and two counters of references.
const OVERHEAD: u64 = 192;

/// Copies of records. A copy that was loaded while its sign-in changed never comes in.
pub(super) struct Entries {
    copies: sync::Cache<SignInId, Arc<Copied>, Weight, RandomState>,
    /// What a copy weighs at least: an equal share, so that there are never more than asked.
    share: u64,
    stripes: Box<[AtomicU64]>,
}

/// A copy, and when it was loaded.
pub(super) struct Copied {
    pub(super) record: Arc<Record>,
    pub(super) at: Duration,
    weight: u64,
}

/// How many changes a stripe had seen when a load began.
#[derive(Clone, Copy)]
pub(super) struct Ticket(u64);

#[derive(Clone)]
struct Weight;

impl quick_cache::Weighter<SignInId, Arc<Copied>> for Weight {
    fn weight(&self, _: &SignInId, copied: &Arc<Copied>) -> u64 {
        copied.weight
    }
}

impl Entries {
    pub(super) fn new(entries: usize, bytes: u64) -> Self {
        let options = quick_cache::OptionsBuilder::new()
            .estimated_items_capacity(entries)
            .weight_capacity(bytes)
            .build()
            .expect("both capacities are given");
        let random = RandomState::new();
        Self {
            copies: sync::Cache::with_options(options, Weight, random, Default::default()),
            share: bytes.div_ceil(entries.max(1) as u64),
            stripes: (0..STRIPES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn stripe(&self, sid: &SignInId) -> &AtomicU64 {
        let [.., last] = *sid.as_bytes();
        &self.stripes[usize::from(last) % STRIPES]
    }

    pub(super) fn get(&self, sid: &SignInId) -> Option<Arc<Copied>> {
        self.copies.get(sid)
    }

    /// To be taken before a load begins.
    pub(super) fn ticket(&self, sid: &SignInId) -> Ticket {
        Ticket(self.stripe(sid).load(Ordering::SeqCst))
    }

    /// Keeps what was loaded, unless something changed meanwhile. A change that is counted between
    /// the two looks is undone here; one that is counted later removes the copy itself.
    pub(super) fn fill(&self, ticket: Ticket, record: &Arc<Record>, at: Duration) {
        let sid = record.sid;
        if self.ticket(&sid).0 != ticket.0 {
            return;
        }
        let weight = (record.bytes() as u64 + OVERHEAD).max(self.share);
        self.copies.insert(sid, Arc::new(Copied { record: Arc::clone(record), at, weight }));
        if self.ticket(&sid).0 != ticket.0 {
            self.copies.remove(&sid);
        }
    }

    /// Lets go of a copy, and of what is being loaded.
    pub(super) fn forget(&self, sid: &SignInId) {
        self.stripe(sid).fetch_add(1, Ordering::SeqCst);
        self.copies.remove(sid);
    }

    /// Lets go of all copies of a subject, and of everything that is being loaded.
    pub(super) fn forget_subject(&self, subject: &str) {
        self.count_all();
        self.copies.retain(|_, copied| copied.record.subject.as_deref() != Some(subject));
    }

    /// Lets go of everything.
    pub(super) fn flush(&self) {
        self.count_all();
        self.copies.clear();
    }

    fn count_all(&self) {
        for stripe in &self.stripes {
            stripe.fetch_add(1, Ordering::SeqCst);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.copies.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.copies.weight()
    }
}
