//! The conformance kit, with a cache in front.

use std::time::Duration;

use auth_store::PostgresStore;
use auth_store::near_cache::NearCache;
use tokio::time::sleep;

use crate::stores::postgres;

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> NearCache<PostgresStore> {
        let builder = PostgresStore::builder(postgres()).timeout(Duration::from_secs(20));
        let store = builder.migrate().connect().await.expect("it runs");
        // Short, so that the lease is there soon.
        let cache = NearCache::<PostgresStore>::builder().bound(Duration::from_millis(200));
        let cache = cache.over(store);
        while cache.status().lease.is_none() {
            sleep(Duration::from_millis(1)).await;
        }
        cache
    }
}
