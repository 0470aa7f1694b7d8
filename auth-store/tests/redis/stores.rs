//! Stores with prefixes of their own, so that tests can share servers.

use std::sync::atomic::{AtomicU32, Ordering};

use auth_store::{RedisStore, RedisStoreBuilder};

/// Returns the builder of a store with a prefix that no other test uses.
pub(crate) fn builder(url: String) -> RedisStoreBuilder {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    RedisStore::builder(url).prefix(format!("test{number}:"))
}

/// Connects a store that is empty.
pub(crate) async fn fresh(url: String) -> RedisStore {
    builder(url).connect().await.expect("the server runs")
}
