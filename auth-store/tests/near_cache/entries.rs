//! What the cache keeps, and how much of it.

use std::sync::Arc;

use auth_store::near_cache::NearCache;
use auth_store::{SessionData, Store};

use crate::announcing::Announcing;
use crate::nodes::{Nodes, is_cached, sign_in, until};

#[tokio::test]
async fn a_hit_does_not_load() {
    let nodes = Nodes::start().await;
    let id = nodes.sign_in().await;
    nodes.near.load(&id).await.unwrap().unwrap();
    for _ in 0..10 {
        assert!(is_cached(&nodes.near, &id));
    }
    assert_eq!(nodes.store.loads(), 1);
    let stats = nodes.near.stats();
    assert_eq!((stats.hits, stats.misses, stats.entries), (10, 1, 1));
}

/// The load has read the record, but has not returned it when the sign-in ends.
#[tokio::test]
async fn a_load_that_overlaps_an_end_is_not_kept() {
    let nodes = Arc::new(Nodes::start().await);
    for by_this_node in [true, false] {
        let id = nodes.sign_in().await;
        let loads = nodes.store.loads();
        let held = nodes.store.hold().await;
        let loading = tokio::spawn({
            let nodes = Arc::clone(&nodes);
            async move { nodes.near.load(&id).await.unwrap() }
        });
        until(|| nodes.store.loads() > loads).await;
        let before = nodes.near.stats().invalidations;
        let node = if by_this_node { &nodes.near } else { &nodes.remote };
        node.delete(&id).await.unwrap();
        until(|| nodes.near.stats().invalidations > before).await;
        drop(held);
        assert!(loading.await.unwrap().is_some(), "it was read before the end");
        assert!(!is_cached(&nodes.near, &id), "by this node: {by_this_node}");
    }
}

/// Returns the number of entries and their bytes, after more were loaded than fit.
async fn fill(entries: usize, bytes: u64, text: usize) -> (usize, u64) {
    let store = Announcing::new();
    let cache = NearCache::<Announcing>::builder().max_entries(entries).max_bytes(bytes);
    let cache = cache.build(store.clone());
    for _ in 0..5 * entries {
        let id = sign_in(&store).await;
        let data = SessionData::from_iter([("cart", format!("\"{}\"", "x".repeat(text)))]);
        store.update(&id, 0, data).await.unwrap();
        cache.load(&id).await.unwrap().unwrap();
        let stats = cache.stats();
        assert!(stats.entries <= entries && stats.bytes <= bytes, "{stats:?}");
    }
    let stats = cache.stats();
    (stats.entries, stats.bytes)
}

#[tokio::test]
async fn bytes_are_bounded() {
    let (entries, bytes) = fill(200, 128 * 1024, 2000).await;
    assert!(entries < 65 && bytes > 64 * 1024, "{entries} entries, {bytes} bytes");
}

/// Regression: the number of entries was only a hint, and more of small ones were kept.
#[tokio::test]
async fn entries_are_bounded() {
    let (entries, _) = fill(200, 64 * 1024 * 1024, 0).await;
    assert!(entries > 100, "{entries} entries");
}
