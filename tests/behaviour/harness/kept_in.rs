//! The store that the suite runs over, which the environment names.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use auth_core::{Clock, Timestamp};
use auth_servers::RedisServer;
use auth_store::{IntoStore, MemoryStore, RedisStore, Store};

/// Names the store: `memory` if it is not there.
const VARIABLE: &str = "AUTH_TESTS_STORE";

// One server for all tests of this process.
static REDIS: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);

/// Where sign-ins are kept.
enum Kept {
    Memory,
    Redis,
}

fn kept() -> Kept {
    match env::var(VARIABLE).as_deref() {
        Err(env::VarError::NotPresent) | Ok("memory") => Kept::Memory,
        Ok("redis") => Kept::Redis,
        other => panic!("{VARIABLE} is {other:?}, and not one of memory and redis"),
    }
}

/// An empty store.
pub(super) async fn fresh_store() -> Arc<dyn Store> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    match kept() {
        Kept::Memory => MemoryStore::new().into_store(),
        Kept::Redis => {
            let store = RedisStore::builder(REDIS.url()).prefix(format!("{number}:"));
            store.connect().await.unwrap().into_store()
        }
    }
}

/// When a test begins, on a full second. Redis collects by its own clock.
pub(super) fn beginning() -> Timestamp {
    match kept() {
        Kept::Redis => Timestamp::from_secs(Clock::system().now().as_secs()),
        Kept::Memory => Timestamp::from_secs(1_800_000_000),
    }
}
