//! A metered store keeps the contract.

use auth_store::metrics::InstrumentedStore;
use auth_store::{MemoryStore, conformance};

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> InstrumentedStore<MemoryStore> {
        InstrumentedStore::new(MemoryStore::new())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_metered_store_passes_watches_on() {
    conformance::check_watching(store).await.assert_passed();
}
