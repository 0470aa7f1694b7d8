//! The memory store does not grow with expired sign-ins.

use std::time::Duration;

use auth_core::Timestamp;
use auth_store::{Deadlines, Lifetime, MemoryStore, Record, Secret, SecretKind, Store};

async fn sign_in(store: &MemoryStore, number: usize, at: Timestamp) -> bool {
    let subject = format!("user-{number}");
    let id = store.new_id(Some(&subject)).expect("randomness");
    let digests = Secret::generate(id).expect("randomness").digests(SecretKind::Cookie);
    let (idle, absolute) = (Duration::from_secs(10), Duration::from_secs(60));
    let lifetime = Lifetime::new(Some(idle), absolute).expect("limits of a second or more");
    let deadlines = Deadlines::starting(lifetime, at);
    let record = Record::new(id, SecretKind::Cookie, digests, Some(subject.into()), deadlines, at);
    store.create(record, None).await.is_ok()
}

#[tokio::test]
async fn expired_sign_ins_are_collected_as_fast_as_new_ones_arrive() {
    let store = MemoryStore::new();
    for second in 0..60 {
        for number in 0..500 {
            let now = Timestamp::from_secs(1_000 + second);
            assert!(sign_in(&store, number, now).await);
        }
    }
    assert!(store.len() < 8_000, "5,000 sign-ins are living, and {} are stored", store.len());
}

#[tokio::test]
async fn a_store_full_of_expired_sign_ins_accepts_new_ones() {
    let store = MemoryStore::builder().capacity(50).build();
    for number in 0..50 {
        assert!(sign_in(&store, number, Timestamp::from_secs(1_000)).await);
    }
    assert!(
        !sign_in(&store, 50, Timestamp::from_secs(1_001)).await,
        "all stored sign-ins are living"
    );
    for number in 0..50 {
        assert!(sign_in(&store, number, Timestamp::from_secs(2_000)).await, "number {number}");
    }
}
