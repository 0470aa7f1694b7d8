//! A metered store keeps the contract.

use auth_store::MemoryStore;
use auth_store::metrics::Metered;

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> Metered<MemoryStore> {
        Metered::new(MemoryStore::new())
    }
}
