//! A primary with two replicas, under Sentinel.

use std::sync::LazyLock;

use auth_servers::RedisSentinels;
use auth_store::RedisStore;

use crate::stores::fresh;

static SERVERS: LazyLock<RedisSentinels> = LazyLock::new(RedisSentinels::start);

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> RedisStore {
        fresh(SERVERS.url()).await
    }
}
