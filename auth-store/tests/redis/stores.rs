//! Stores that know nothing of each other, on shared servers.

use std::sync::atomic::{AtomicU32, Ordering};

use auth_store::{RedisStore, RedisStoreBuilder};

/// A store with a name space of its own.
pub(crate) fn builder(url: String) -> RedisStoreBuilder {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    RedisStore::builder(url).prefix(format!("test{number}:"))
}

pub(crate) async fn fresh(url: String) -> RedisStore {
    builder(url).connect().await.expect("the server runs")
}
