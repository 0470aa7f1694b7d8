//! Three primaries, each with a replica.

use std::sync::LazyLock;

use auth_servers::RedisCluster;
use auth_store::RedisStore;

use crate::stores::fresh;

static SERVERS: LazyLock<RedisCluster> = LazyLock::new(RedisCluster::start);

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> RedisStore {
        fresh(SERVERS.url()).await
    }
}
