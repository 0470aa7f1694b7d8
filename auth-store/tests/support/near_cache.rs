//! What a near cache does in front of every store that announces its changes, while servers end,
//! hang or hang up, and while connections bring nothing.

use auth_servers::{Held, Proxy, TestServer};
use auth_store::near_cache::AnnouncingStore;
use auth_store::{Store, StoreErrorKind};

use super::nodes::Nodes;

/// Each of two hundred ends reaches the cache, and is counted once.
pub(crate) async fn counts_two_hundred_ends<S: AnnouncingStore>(nodes: &Nodes<S>) {
    let generation = nodes.generation();
    for _ in 0..200 {
        let id = nodes.cached_sign_in().await;
        assert!(nodes.remote.delete(&id).await.expect("it runs"));
        nodes.until("it is not cached", || !nodes.is_cached(&id)).await;
    }
    assert_eq!(nodes.near.stats().invalidations, 200);
    assert_eq!(nodes.generation(), generation, "no lease was lost");
}

/// A killed server takes the lease with it. There is a new one when it runs again.
pub(crate) async fn loses_the_lease_with_the_server<S: AnnouncingStore>(
    server: &mut impl TestServer,
    nodes: &Nodes<S>,
) {
    let (kept, ended) = (nodes.cached_sign_in().await, nodes.cached_sign_in().await);
    let generation = nodes.generation();
    server.kill();
    nodes.until("the lease is lost", || !nodes.has_lease()).await;
    assert!(!nodes.is_cached(&kept) && !nodes.is_cached(&ended));
    let error = nodes.near.load(&kept).await.expect_err("the server was killed");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);

    server.start_again();
    let ended = nodes.end(ended).await;
    nodes.stays_ended_until(&ended, "there is a lease again", || nodes.has_lease()).await;
    assert!(nodes.generation() > generation);
    nodes.load_until_cached(&kept).await;
    nodes.recovers().await;
}

/// A hung server renews no lease, so that the cache answers nothing once the last one is over.
pub(crate) async fn outlives_a_hung_server<S: AnnouncingStore>(
    server: &impl TestServer,
    nodes: &Nodes<S>,
) {
    let id = nodes.cached_sign_in().await;
    let since = nodes.now();
    server.hang();
    assert!(nodes.is_cached(&id), "the lease is not over yet");
    nodes.loses_the_lease(&id, since).await;
    let error = nodes.near.load(&id).await.expect_err("the server hangs");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!nodes.is_cached(&id));
    server.go_on();
    let ended = nodes.end(id).await;
    nodes.stays_ended_until(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.recovers().await;
}

/// What was announced before the cache listens again was missed, so every entry goes.
pub(crate) async fn drops_everything_without_its_listener<S: AnnouncingStore>(
    nodes: &Nodes<S>,
    end_listener: impl Fn(),
) {
    let (kept, ended) = (nodes.cached_sign_in().await, nodes.cached_sign_in().await);
    for _ in 0..3 {
        nodes.load_until_cached(&kept).await;
        let generation = nodes.generation();
        end_listener();
        nodes.until("the lease is lost", || nodes.generation() > generation).await;
        assert!(!nodes.is_cached(&kept) && !nodes.is_cached(&ended));
    }
    let ended = nodes.end(ended).await;
    nodes.stays_ended_until(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.load_until_cached(&kept).await;
    nodes.recovers().await;
}

/// A connection that brings nothing, although both sides keep it open, ends the lease.
pub(crate) async fn loses_the_lease_while_held<S: AnnouncingStore>(
    proxy: &Proxy,
    nodes: &Nodes<S>,
    held: Held,
) {
    let (first, second) = (nodes.cached_sign_in().await, nodes.cached_sign_in().await);
    proxy.hold(held);
    let ended = nodes.end(first).await;
    nodes.stays_ended_until(&ended, "the lease has run out", || !nodes.has_lease()).await;
    assert!(!nodes.is_cached(&second));
    proxy.hold(Held::default());
    nodes.stays_ended_until(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.load_until_cached(&second).await;
    nodes.recovers().await;
}

/// The connections that are open bring nothing ever again, without a sign of it, while new ones can
/// be opened: the cache listens on new ones.
pub(crate) async fn replaces_dead_connections<S: AnnouncingStore>(proxy: &Proxy, nodes: &Nodes<S>) {
    let id = nodes.cached_sign_in().await;
    let generation = nodes.generation();
    proxy.hold(Held { first: proxy.opened(), ..Held::default() });
    let ended = nodes.end(id).await;
    let again = || nodes.generation() > generation && nodes.has_lease();
    nodes.stays_ended_until(&ended, "there is a new lease", again).await;
    nodes.recovers().await;
}
