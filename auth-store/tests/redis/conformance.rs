//! The conformance tests of stores, for each kind of servers, with and without a near cache.

macro_rules! conformance {
    ($name:ident, $servers:ident) => {
        mod $name {
            use std::sync::LazyLock;

            use auth_servers::$servers;
            use auth_store::RedisStore;

            use crate::stores::fresh;

            static SERVERS: LazyLock<$servers> = LazyLock::new($servers::start);

            auth_store::conformance_tests! {
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn store() -> RedisStore {
                    fresh(SERVERS.url()).await
                }
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn random_steps_agree_with_the_reference() {
                crate::support::random_steps::check(30, &fresh(SERVERS.url()).await);
            }

            mod cached {
                use std::time::Duration;

                use auth_store::near_cache::NearCache;
                use tokio::time::sleep;

                use super::*;

                auth_store::conformance_tests! {
                    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                    async fn store() -> NearCache<RedisStore> {
                        // Short, so that there is a lease soon.
                        let max_staleness = Duration::from_millis(200);
                        let cache = NearCache::<RedisStore>::builder().max_staleness(max_staleness);
                        let cache = cache.build(fresh(SERVERS.url()).await);
                        while cache.stats().lease.is_none() {
                            sleep(Duration::from_millis(1)).await;
                        }
                        cache
                    }
                }
            }
        }
    };
}

conformance!(single, RedisServer);
conformance!(sentinel, RedisSentinels);
conformance!(cluster, RedisCluster);
