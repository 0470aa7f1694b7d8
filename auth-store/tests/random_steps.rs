//! Random steps over the stores that need no server. Those over Redis and the SQL servers are in `redis` and
//! `sql`.

#[path = "support/random_steps.rs"]
mod random_steps;
#[path = "support/reference.rs"]
mod reference;

use std::time::Duration;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_servers::Scratch;
use auth_store::near_cache::NearCache;
use auth_store::{Deleted, MemoryStore, SqliteStore, Store, StoreError, forward_store};

use random_steps::{check, differs};

#[tokio::test(flavor = "multi_thread")]
async fn the_memory_store_agrees_with_the_reference() {
    check(200, &MemoryStore::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_near_cache_agrees_with_the_reference() {
    let cache = NearCache::<MemoryStore>::builder();
    check(100, &cache.with_ttl(MemoryStore::new(), Duration::from_secs(60)));
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_agrees_with_the_reference() {
    let folder = Scratch::until_the_end();
    let url = format!("sqlite://{}/random_steps.db", folder.path().display());
    let store = SqliteStore::builder(url).migrate().connect().await;
    check(30, &store.expect("the file can be created"));
}

/// A store that deletes a sign-in whatever its version is.
struct IgnoresVersion(MemoryStore);

#[async_trait]
impl Store for IgnoresVersion {
    forward_store!(self => self.0, except: [delete_if_version, find]);

    async fn delete_if_version(&self, id: &SignInId, _: u64) -> Result<Deleted, StoreError> {
        Ok(if self.0.delete(id).await? { Deleted::Done } else { Deleted::NotFound })
    }
}

/// A store whose idle check ignores the last use.
struct ForgetsUse(MemoryStore);

#[async_trait]
impl Store for ForgetsUse {
    forward_store!(self => self.0, except: [delete_if_idle, find]);

    async fn delete_if_idle(&self, id: &SignInId, _: Timestamp) -> Result<bool, StoreError> {
        self.0.delete(id).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_store_differs_from_the_reference() {
    assert!(differs(&IgnoresVersion(MemoryStore::new())));
    assert!(differs(&ForgetsUse(MemoryStore::new())));
}
