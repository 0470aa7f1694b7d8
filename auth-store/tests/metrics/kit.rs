//! The conformance suite over an instrumented store.

use auth_store::metrics::InstrumentedStore;
use auth_store::{MemoryStore, conformance};

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> InstrumentedStore<MemoryStore> {
        InstrumentedStore::new(MemoryStore::new())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_instrumented_store_forwards_watches() {
    conformance::check_watching(store).await.assert_passed();
}
