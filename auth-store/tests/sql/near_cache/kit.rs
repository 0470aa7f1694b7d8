//! The conformance suite over a near cache in front of each store.

use std::time::Duration;

use tokio::time::sleep;

/// The suite runs many operations at once, so they may take longer than usual.
const TIMEOUT: Duration = Duration::from_secs(20);

mod postgres {
    use auth_store::PostgresStore;
    use auth_store::near_cache::NearCache;

    use super::*;
    use crate::stores::postgres;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> NearCache<PostgresStore> {
            let builder = PostgresStore::builder(postgres()).timeout(TIMEOUT);
            let store = builder.migrate().connect().await.expect("it runs");
            // A short lease is granted soon.
            let cache = NearCache::<PostgresStore>::builder().max_staleness(Duration::from_millis(200));
            let cache = cache.build(store);
            while cache.stats().lease.is_none() {
                sleep(Duration::from_millis(1)).await;
            }
            cache
        }
    }
}

/// A node never reads a stale entry of what it changed itself.
macro_rules! with_ttl {
    ($database:ident, $store:ident) => {
        mod $database {
            use auth_store::near_cache::NearCache;
            use auth_store::$store;

            use super::*;
            use crate::stores::$database;

            auth_store::conformance_tests! {
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn store() -> NearCache<$store> {
                    let builder = $store::builder($database()).timeout(TIMEOUT);
                    let store = builder.migrate().connect().await.expect("it runs");
                    NearCache::<$store>::builder().with_ttl(store, Duration::from_secs(60))
                }
            }
        }
    };
}

with_ttl!(mysql, MySqlStore);
