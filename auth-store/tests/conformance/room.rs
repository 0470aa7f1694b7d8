//! Stores that are full.

use async_trait::async_trait;
use auth_store::{OverflowPolicy, Record, SignInLimit, StoreError, conformance};

use crate::fault::{Broken, Creation, Fault};
use crate::plain::{Plain, Tables};

const MOST: usize = 20;

fn full() -> Creation {
    Err(StoreError::unavailable("no room"))
}

fn oldest(tables: &Tables, which: impl Fn(&Record) -> bool) -> Option<auth_core::SignInId> {
    let of_these = tables.records.values().filter(|record| which(record));
    of_these.min_by_key(|record| record.created_at).map(|record| record.sid)
}

async fn failures<F: Fault + Default>() -> Vec<&'static str> {
    let fresh = async || Broken(Plain::default(), F::default());
    conformance::check_room(fresh, MOST).await.failures().map(|(check, _)| check).collect()
}

#[derive(Default)]
struct Bounded;
#[async_trait]
impl Fault for Bounded {
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = store.tables();
        let taken = tables.records.contains_key(&record.sid);
        let refused = record.subject.as_ref().zip(limit).is_some_and(|(subject, limit)| {
            limit.when_full == OverflowPolicy::Reject
                && tables.living(subject, record.created_at).len() >= limit.max.get() as usize
        });
        if tables.records.len() == MOST && !taken && !refused {
            let Some(oldest) = oldest(&tables, |record| record.subject.is_none()) else {
                return full();
            };
            tables.remove(&oldest);
        }
        tables.create(record, limit)
    }
}

#[tokio::test]
async fn a_store_that_makes_room_and_refuses_passes() {
    assert_eq!(failures::<Bounded>().await, [""; 0]);
}

#[derive(Default)]
struct EvictsAnybody;
#[async_trait]
impl Fault for EvictsAnybody {
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = store.tables();
        if tables.records.len() == MOST
            && let Some(oldest) = oldest(&tables, |_| true)
        {
            tables.remove(&oldest);
        }
        tables.create(record, limit)
    }
}

#[tokio::test]
async fn sec_84_a_user_who_is_evicted_for_room_is_caught() {
    let failures = failures::<EvictsAnybody>().await;
    assert!(failures.contains(&"a_full_store_evicts_no_user"), "{failures:?}");
}

#[derive(Default)]
struct KeepsAnonymous;
#[async_trait]
impl Fault for KeepsAnonymous {
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = store.tables();
        if tables.records.len() == MOST { full() } else { tables.create(record, limit) }
    }
}

#[tokio::test]
async fn sec_84_a_user_who_is_refused_for_anonymous_ones_is_caught() {
    let failures = failures::<KeepsAnonymous>().await;
    assert!(failures.contains(&"anonymous_sign_ins_make_room"), "{failures:?}");
}

/// Makes room before it looks whether it has to.
#[derive(Default)]
struct MakesRoomFirst;
#[async_trait]
impl Fault for MakesRoomFirst {
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        let mut tables = store.tables();
        if tables.records.len() == MOST {
            let Some(oldest) = oldest(&tables, |record| record.subject.is_none()) else {
                return full();
            };
            tables.remove(&oldest);
        }
        tables.create(record, limit)
    }
}

#[tokio::test]
async fn room_that_is_made_for_what_is_then_refused_is_caught() {
    let failures = failures::<MakesRoomFirst>().await;
    assert_eq!(failures, ["a_taken_key_makes_no_room", "a_refusal_makes_no_room"]);
}

/// Counts those that were ever there.
#[derive(Default)]
struct Leaks(std::sync::atomic::AtomicUsize);
#[async_trait]
impl Fault for Leaks {
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        let so_far = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if so_far < MOST { Bounded.create(store, record, limit).await } else { full() }
    }
}

#[tokio::test]
async fn room_that_is_never_given_back_is_caught() {
    assert!(failures::<Leaks>().await.contains(&"room_is_given_back"));
}
