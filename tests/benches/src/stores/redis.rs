//! A real Redis server on this machine, and stores in front of it.
//!
//! The server counts the messages that it reads, which gives the round trips of a request.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_servers::RedisServer;
use auth_store::RedisStore;
use auth_store::near_cache::NearCache;
use tokio::runtime::{EnterGuard, Runtime};

/// A server, and a runtime whose worker communicates with it. The measurement polls from another thread, so a
/// request that does not wait never uses the runtime.
pub struct Redis {
    server: RedisServer,
    runtime: Runtime,
}

impl Redis {
    /// Starts an empty server.
    pub fn start() -> Self {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build().unwrap();
        Self { server: RedisServer::start(), runtime }
    }

    /// Enters the runtime on this thread.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Waits for a future on the runtime.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Returns a store without a cache.
    pub fn store(&self) -> RedisStore {
        self.wait(RedisStore::connect(self.server.url())).unwrap()
    }

    /// Returns a near cache with room for this many sign-ins, which has its lease.
    pub fn near(&self, sign_ins: usize) -> Arc<NearCache<RedisStore>> {
        let (store, _inside) = (self.store(), self.enter());
        // A sign-in of these benchmarks takes less than a kilobyte.
        let builder = NearCache::<RedisStore>::builder().max_entries(sign_ins);
        let near = Arc::new(builder.max_bytes(sign_ins as u64 * 1024).build(store));
        let clock = Clock::system();
        let by = clock.monotonic() + Duration::from_secs(10);
        while near.stats().lease.is_none() {
            assert!(clock.monotonic() < by, "no heartbeat came back");
            std::thread::yield_now();
        }
        near
    }

    /// Returns how many times the server has read from its clients: once for each message that comes alone.
    pub fn reads(&self) -> u64 {
        self.info("stats", "total_reads_processed")
    }

    /// Returns the memory that the server uses, in bytes.
    pub fn used(&self) -> u64 {
        self.info("memory", "used_memory")
    }

    fn info(&self, section: &str, field: &str) -> u64 {
        self.server.info(section, field).unwrap().parse().unwrap()
    }
}
