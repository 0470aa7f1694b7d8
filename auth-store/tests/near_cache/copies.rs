//! What comes into the cache, and how much.

use std::sync::Arc;

use auth_store::near_cache::NearCache;
use auth_store::{Data, Store};

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
    let status = nodes.here.status();
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
        let before = nodes.here.status().invalidations;
        let ends = if by_this_node { &nodes.here } else { &nodes.there };
        ends.delete(&sid).await.unwrap();
        until(|| nodes.here.status().invalidations > before).await;
        drop(held);
        assert!(loading.await.unwrap().is_some(), "it was read before");
        assert!(!has_copy(&nodes.here, &sid), "by this node: {by_this_node}");
    }
}

#[tokio::test]
async fn entries_and_bytes_are_bounded() {
    let store = Announcing::new();
    let most = 64 * 1024;
    let cache = NearCache::<Announcing>::builder().entries(100).bytes(most).over(store.clone());
    for _ in 0..2000 {
        let sid = sign_in(&store).await;
        let data = Data::from_iter([("cart", format!("\"{}\"", "x".repeat(500)))]);
        store.update(&sid, 0, data).await.unwrap();
        cache.load(&sid).await.unwrap().unwrap();
    }
    let status = cache.status();
    assert!(status.bytes <= most && status.entries < 100, "{status:?}");
}
