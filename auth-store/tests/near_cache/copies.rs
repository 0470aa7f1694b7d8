//! What comes into the cache, and how much.

use std::sync::Arc;

use auth_store::near_cache::NearCache;
use auth_store::{SessionData, Store};

use crate::announcing::Announcing;
use crate::trust::{Nodes, has_copy, sign_in, until};

#[tokio::test]
async fn a_hit_asks_nobody() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    nodes.here.load(&sid).await.unwrap().unwrap();
    for _ in 0..10 {
        assert!(has_copy(&nodes.here, &sid));
    }
    assert_eq!(nodes.store.loads(), 1);
    let status = nodes.here.stats();
    assert_eq!((status.hits, status.misses, status.entries), (10, 1, 1));
}

/// The load has read the record, but its answer is still on the way when the sign-in ends.
#[tokio::test]
async fn a_load_that_was_overtaken_leaves_no_copy() {
    let nodes = Arc::new(Nodes::start().await);
    for by_this_node in [true, false] {
        let sid = nodes.sign_in().await;
        let loads = nodes.store.loads();
        let held = nodes.store.hold().await;
        let loading = tokio::spawn({
            let nodes = Arc::clone(&nodes);
            async move { nodes.here.load(&sid).await.unwrap() }
        });
        until(|| nodes.store.loads() > loads).await;
        let before = nodes.here.stats().invalidations;
        let ends = if by_this_node { &nodes.here } else { &nodes.there };
        ends.delete(&sid).await.unwrap();
        until(|| nodes.here.stats().invalidations > before).await;
        drop(held);
        assert!(loading.await.unwrap().is_some(), "it was read before");
        assert!(!has_copy(&nodes.here, &sid), "by this node: {by_this_node}");
    }
}

/// How many copies there are, and what they count for, after many more were loaded than there is
/// room for.
async fn filled(entries: usize, bytes: u64, text: usize) -> (usize, u64) {
    let store = Announcing::new();
    let cache = NearCache::<Announcing>::builder().max_entries(entries).max_bytes(bytes);
    let cache = cache.build(store.clone());
    for _ in 0..5 * entries {
        let sid = sign_in(&store).await;
        let data = SessionData::from_iter([("cart", format!("\"{}\"", "x".repeat(text)))]);
        store.update(&sid, 0, data).await.unwrap();
        cache.load(&sid).await.unwrap().unwrap();
        let status = cache.stats();
        assert!(status.entries <= entries && status.bytes <= bytes, "{status:?}");
    }
    let status = cache.stats();
    (status.entries, status.bytes)
}

#[tokio::test]
async fn bytes_are_bounded() {
    let (entries, bytes) = filled(200, 128 * 1024, 2000).await;
    assert!(entries < 65 && bytes > 64 * 1024, "{entries} entries, {bytes} bytes");
}

/// The fault: the number of entries was a hint, and small ones were kept beyond it.
#[tokio::test]
async fn entries_are_bounded() {
    let (entries, _) = filled(200, 64 * 1024 * 1024, 0).await;
    assert!(entries > 100, "{entries} entries");
}
