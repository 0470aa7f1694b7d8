//! The conformance suite over SQLite, which needs no server, so that it runs with `cargo test`.
//! What all databases have in common is tested in `tests/sql`.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_servers::Scratch;
use auth_store::SqliteStore;

/// Lets the suite's many concurrent steps wait for each other.
const TIMEOUT: Duration = Duration::from_secs(20);

static FOLDER: LazyLock<Scratch> = LazyLock::new(Scratch::until_the_end);

/// Returns an empty store in a file of its own.
async fn empty_store() -> SqliteStore {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let url = format!("sqlite://{}/{number}.db", FOLDER.path().display());
    let store = SqliteStore::builder(url).timeout(TIMEOUT).migrate().connect().await;
    store.expect("the file can be created")
}

mod store {
    use super::*;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> SqliteStore {
            empty_store().await
        }
    }
}

/// A node never reads a stale copy of what it changed itself.
mod near_cache {
    use auth_store::near_cache::NearCache;

    use super::*;

    auth_store::conformance_tests! {
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn store() -> NearCache<SqliteStore> {
            let cache = NearCache::<SqliteStore>::builder();
            cache.with_ttl(empty_store().await, Duration::from_secs(60))
        }
    }
}
