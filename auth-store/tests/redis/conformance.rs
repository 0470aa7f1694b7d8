//! The conformance tests of stores, for each kind of servers.

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
        }
    };
}

conformance!(single, RedisServer);
conformance!(sentinel, RedisSentinels);
conformance!(cluster, RedisCluster);
