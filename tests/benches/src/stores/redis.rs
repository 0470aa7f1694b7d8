//! A real Redis server on this machine, and stores in front of it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_servers::RedisServer;
use auth_store::RedisStore;
use auth_store::near_cache::NearCache;
use tokio::runtime::{EnterGuard, Runtime};

/// One server, and a runtime whose worker talks with it. Who measures polls from outside: so a
/// request that waits for nothing never meets the runtime.
pub struct Redis {
    server: RedisServer,
    runtime: Runtime,
}

impl Redis {
    /// A server without any data.
    pub fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        Self { server: RedisServer::start(), runtime }
    }

    /// Lets this thread use what talks with the server.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Waits on the runtime.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// A store that asks the server each time.
    pub fn store(&self) -> RedisStore {
        self.wait(RedisStore::connect(self.server.url())).unwrap()
    }

    /// A near cache with room for so many sign-ins, which is already believed.
    pub fn near(&self, sign_ins: usize) -> Arc<NearCache<RedisStore>> {
        let (store, _inside) = (self.store(), self.enter());
        // A sign-in of these benchmarks takes less than a kilobyte.
        let builder = NearCache::<RedisStore>::builder().max_entries(sign_ins);
        let near = Arc::new(builder.max_bytes(sign_ins as u64 * 1024).build(store));
        let clock = Clock::system();
        let by = clock.monotonic() + Duration::from_secs(10);
        while near.stats().lease.is_none() {
            assert!(clock.monotonic() < by, "the server's beats do not come back");
            std::thread::yield_now();
        }
        near
    }

    /// How often the server has read from its clients since it was started: once for each message
    /// that comes by itself.
    pub fn reads(&self) -> u64 {
        self.info("stats", "total_reads_processed")
    }

    /// How many bytes the server uses.
    pub fn used(&self) -> u64 {
        self.info("memory", "used_memory")
    }

    fn info(&self, section: &str, field: &str) -> u64 {
        self.server.info(section, field).unwrap().parse().unwrap()
    }
}
