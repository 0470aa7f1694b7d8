//! The metrics of store calls and of the near cache.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth_core::{ManualClock, SignInId, Timestamp};
use auth_store::metrics::{InstrumentedStore, describe};
use auth_store::near_cache::NearCache;
use auth_store::{
    Deadlines, Lifetime, MemoryStore, Peek, Record, Secret, SecretKind, Store, StoreError,
    forward_store,
};

use crate::announcing::Announcing;
use crate::recorded::Recorded;

fn record(store: &impl Store) -> Record {
    let id = store.new_id(Some("ada")).unwrap();
    let now = Timestamp::from_secs(1000);
    let digests = Secret::generate(id).unwrap().digests(SecretKind::Cookie);
    let deadlines = Deadlines::starting(Lifetime::AAL1, now);
    Record::new(id, SecretKind::Cookie, digests, Some("ada".into()), deadlines, now)
}

fn value<'a>(all: &'a [(String, String)], name: &str) -> Option<&'a str> {
    all.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
}

#[tokio::test]
async fn calls_are_counted_by_name_and_outcome() {
    let recorded = Recorded::new();
    let _guard = recorded.listen();
    describe();
    let store = InstrumentedStore::new(MemoryStore::new());
    let record = record(&store);
    store.create(record.clone(), None).await.unwrap();
    store.create(record.clone(), None).await.unwrap_err();
    store.load(&record.id).await.unwrap();
    store.load(&record.id).await.unwrap();
    store.peek(&record.id, &mut |_| {});
    let all = recorded.take();
    let calls = |labels| value(&all, &format!("auth_store_calls_total{{{labels}}}"));
    assert_eq!(calls("op=create,outcome=ok"), Some("1"));
    assert_eq!(calls("op=create,outcome=duplicate_id"), Some("1"));
    assert_eq!(calls("op=load,outcome=ok"), Some("2"));
    let counted = all.iter().filter(|(name, _)| name.starts_with("auth_store_calls")).count();
    assert_eq!(counted, 3, "{all:?}");
}

/// A store whose `load` takes time, by the clock of the test, and fails.
struct Slow(MemoryStore, ManualClock);

#[async_trait]
impl Store for Slow {
    forward_store!(self => self.0, except: [load, find]);

    async fn load(&self, _: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        self.1.advance(Duration::from_millis(250));
        Err(StoreError::unavailable("slow"))
    }
}

#[tokio::test]
async fn durations_are_recorded_in_seconds_even_of_failed_calls() {
    let recorded = Recorded::new();
    let _guard = recorded.listen();
    let clock = ManualClock::new(Timestamp::from_secs(1000));
    let store =
        InstrumentedStore::new(Slow(MemoryStore::new(), clock.clone())).clock(clock.clock());
    store.load(&SignInId::from_bytes([1; 16])).await.unwrap_err();
    let all = recorded.take();
    assert_eq!(value(&all, "auth_store_call_duration_seconds{op=load}"), Some("[0.25]"));
    assert_eq!(value(&all, "auth_store_calls_total{op=load,outcome=unavailable}"), Some("1"));
}

#[tokio::test]
async fn a_near_cache_records_its_statistics_on_request() {
    let recorded = Recorded::new();
    let _guard = recorded.listen();
    let clock = ManualClock::new(Timestamp::from_secs(1000));
    let store = Announcing::new();
    let cache = NearCache::<InstrumentedStore<Announcing>>::builder().clock(clock.clock());
    let cache = cache.build(InstrumentedStore::new(store.clone()));
    while cache.stats().lease.is_none() {
        tokio::task::yield_now().await;
    }
    let id = {
        let record = record(&store);
        let id = record.id;
        store.create(record, None).await.unwrap();
        id
    };
    cache.load(&id).await.unwrap().unwrap();
    for _ in 0..5 {
        cache.peek(&id, &mut |peek| assert!(matches!(peek, Peek::Cached(_))));
    }
    let before = recorded.take();
    assert_eq!(value(&before, "auth_near_cache_hits_total{}"), None, "nothing was recorded yet");
    let sent = value(&before, "auth_store_calls_total{op=beat,outcome=ok}");
    assert!(sent.is_some(), "{before:?}");
    let stats = cache.stats();
    stats.record();
    let all = recorded.take();
    for (name, expected) in [
        ("auth_near_cache_hits_total{}", "5".to_owned()),
        ("auth_near_cache_misses_total{}", "1".to_owned()),
        ("auth_near_cache_invalidations_total{}", stats.invalidations.to_string()),
        ("auth_near_cache_generation{}", stats.generation.to_string()),
        ("auth_near_cache_lease_seconds{}", "2".to_owned()),
        ("auth_near_cache_entries{}", "1".to_owned()),
        ("auth_near_cache_bytes{}", stats.bytes.to_string()),
    ] {
        assert_eq!(value(&all, name), Some(&*expected), "{name}");
    }
    store.disconnect(true);
    while cache.stats().lease.is_some() {
        tokio::task::yield_now().await;
    }
    cache.stats().record();
    assert_eq!(value(&recorded.take(), "auth_near_cache_lease_seconds{}"), Some("0"));
}
