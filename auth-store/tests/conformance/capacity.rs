//! Stores with a capacity, correct and faulty.

use async_trait::async_trait;
use auth_store::{Record, SignInLimit, Store, StoreError, conformance, forward_store};

use crate::plain::{Creation, Plain, Tables, broken_store};

const CAPACITY: usize = 20;

fn full() -> Creation {
    Err(StoreError::unavailable("no room"))
}

fn oldest(tables: &Tables, which: impl Fn(&Record) -> bool) -> Option<auth_core::SignInId> {
    let of_these = tables.records.values().filter(|record| which(record));
    of_these.min_by_key(|record| record.created_at).map(|record| record.id)
}

/// Makes room in a full store by evicting the oldest anonymous sign-in. Returns whether there is room.
fn make_room(tables: &mut Tables) -> bool {
    if tables.records.len() < CAPACITY {
        return true;
    }
    let oldest = oldest(tables, |record| record.subject.is_none());
    oldest.is_some_and(|oldest| tables.remove(&oldest))
}

async fn failures<S: Store + Default>() -> Vec<&'static str> {
    conformance::check_capacity(async || S::default(), CAPACITY)
        .await
        .failures()
        .map(|(check, _)| check)
        .collect()
}

/// Checks that this check fails.
async fn fails<S: Store + Default>(check: &str) {
    let failures = failures::<S>().await;
    assert!(failures.contains(&check), "{failures:?}");
}

broken_store! {
    Bounded, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        bounded(&self.0, record, limit)
    }
}

/// Evicts the oldest anonymous sign-in of a full store, unless the new one is refused or replaces another.
fn bounded(store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
    let mut tables = store.tables();
    let taken = tables.records.contains_key(&record.id);
    let at_limit = record.subject.as_ref().zip(limit).is_some_and(|(subject, limit)| {
        tables.living(subject, record.created_at).len() >= limit.max.get() as usize
    });
    if taken || at_limit || make_room(&mut tables) { tables.create(record, limit) } else { full() }
}

#[tokio::test]
async fn a_store_that_evicts_and_rejects_passes() {
    assert_eq!(failures::<Bounded>().await, [""; 0]);
}

broken_store! {
    EvictsAnyOldest, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        if tables.records.len() == CAPACITY
            && let Some(oldest) = oldest(&tables, |_| true)
        {
            tables.remove(&oldest);
        }
        tables.create(record, limit)
    }
}

#[tokio::test]
async fn sec_84_evicting_a_signed_in_user_is_caught() {
    fails::<EvictsAnyOldest>("a_full_store_evicts_no_signed_in_user").await;
}

broken_store! {
    KeepsAnonymous, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        if tables.records.len() == CAPACITY { full() } else { tables.create(record, limit) }
    }
}

#[tokio::test]
async fn sec_84_rejecting_a_user_for_anonymous_sign_ins_is_caught() {
    fails::<KeepsAnonymous>("anonymous_sign_ins_are_evicted_first").await;
}

broken_store! {
    /// Evicts before it checks whether the new sign-in is refused.
    EvictsFirst, except: [create];

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = self.0.tables();
        if make_room(&mut tables) { tables.create(record, limit) } else { full() }
    }
}

#[tokio::test]
async fn an_eviction_for_a_rejected_sign_in_is_caught() {
    let failures = failures::<EvictsFirst>().await;
    assert_eq!(
        failures,
        [
            "a_duplicate_id_evicts_no_sign_in",
            "a_rejected_sign_in_evicts_no_other",
            "a_limit_precedes_the_capacity",
        ]
    );
}

/// Counts all sign-ins that were ever stored.
#[derive(Default)]
struct Leaks(Plain, std::sync::atomic::AtomicUsize);
#[async_trait]
impl Store for Leaks {
    forward_store!(self => self.0, except: [create]);

    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        let so_far = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if so_far < CAPACITY { bounded(&self.0, record, limit) } else { full() }
    }
}

#[tokio::test]
async fn capacity_that_is_never_freed_is_caught() {
    fails::<Leaks>("freed_capacity_is_reused").await;
}
