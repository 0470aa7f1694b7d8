//! One server.

use std::sync::LazyLock;

use auth_servers::RedisServer;
use auth_store::RedisStore;

use crate::stores::fresh;

static SERVER: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);

auth_store::conformance_tests! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn store() -> RedisStore {
        fresh(SERVER.url()).await
    }
}
