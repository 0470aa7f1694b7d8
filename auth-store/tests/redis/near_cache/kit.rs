//! The conformance kit, with a cache in front.

macro_rules! kit {
    ($name:ident, $servers:ident) => {
        mod $name {
            use std::sync::LazyLock;
            use std::time::Duration;

            use auth_servers::$servers;
            use auth_store::RedisStore;
            use auth_store::near_cache::NearCache;
            use tokio::time::sleep;

            use crate::stores::fresh;

            static SERVERS: LazyLock<$servers> = LazyLock::new($servers::start);

            auth_store::conformance_tests! {
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn store() -> NearCache<RedisStore> {
                    // Short, so that the lease is there soon.
                    let cache = NearCache::<RedisStore>::builder().max_staleness(Duration::from_millis(200));
                    let cache = cache.build(fresh(SERVERS.url()).await);
                    while cache.stats().lease.is_none() {
                        sleep(Duration::from_millis(1)).await;
                    }
                    cache
                }
            }
        }
    };
}

kit!(single, RedisServer);
kit!(sentinel, RedisSentinels);
kit!(cluster, RedisCluster);
