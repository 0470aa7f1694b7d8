//! The memory store passes the conformance suite.

use auth_store::{MemoryStore, conformance};

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> MemoryStore {
        MemoryStore::new()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_passes_every_check() {
    let report = conformance::run(store).await;
    assert_eq!(report.checked(), conformance::CHECKS.len());
    report.assert_passed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_returns_watches() {
    conformance::check_watching(store).await.assert_passed();
}

#[tokio::test]
async fn sec_84_a_flood_of_anonymous_sign_ins_evicts_no_user() {
    let quota = async || MemoryStore::builder().capacity(40).max_anonymous(10).build();
    conformance::check_capacity(quota, 40).await.assert_passed();
}

#[tokio::test]
async fn sec_84_a_store_full_of_anonymous_sign_ins_accepts_users() {
    let no_quota = async || MemoryStore::builder().capacity(40).build();
    conformance::check_capacity(no_quota, 40).await.assert_passed();
}
