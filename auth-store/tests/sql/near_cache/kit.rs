//! The conformance kit, with a cache in front.

use std::time::Duration;

use tokio::time::sleep;

/// The time of a step is not what is measured here.
const PATIENCE: Duration = Duration::from_secs(20);

mod postgres {
    use auth_store::PostgresStore;
    use auth_store::near_cache::NearCache;

    use super::*;
    use crate::stores::postgres;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> NearCache<PostgresStore> {
            let builder = PostgresStore::builder(postgres()).timeout(PATIENCE);
            let store = builder.migrate().connect().await.expect("it runs");
            // Short, so that the lease is there soon.
            let cache = NearCache::<PostgresStore>::builder().max_staleness(Duration::from_millis(200));
            let cache = cache.build(store);
            while cache.stats().lease.is_none() {
                sleep(Duration::from_millis(1)).await;
            }
            cache
        }
    }
}

/// What this node itself changes is never stale here.
macro_rules! stale {
    ($database:ident, $store:ident) => {
        mod $database {
            use auth_store::near_cache::NearCache;
            use auth_store::$store;

            use super::*;
            use crate::stores::$database;

            auth_store::conformance_tests! {
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn store() -> NearCache<$store> {
                    let builder = $store::builder($database()).timeout(PATIENCE);
                    let store = builder.migrate().connect().await.expect("it runs");
                    NearCache::<$store>::builder().with_ttl(store, Duration::from_secs(60))
                }
            }
        }
    };
}

stale!(mysql, MySqlStore);
