//! Waiting for the end of a sign-in: an end on any node is noticed, even if announcements are lost.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{BoxFuture, EndReason, ManualClock, SignInId, Timestamp};
use auth_store::near_cache::NearCache;
use auth_store::{Expiry, SessionData, SignInManager, Store, Watch};

use tokio::task::JoinHandle;

use crate::announcing::Announcing;
use crate::nodes::{DEADLINE, MAX_STALENESS, Nodes, sign_in, until};

async fn ready(watch: Watch) {
    tokio::time::timeout(DEADLINE, watch).await.expect("the watch is ready in time");
}

async fn reason(ended: BoxFuture<EndReason>) -> EndReason {
    tokio::time::timeout(DEADLINE, ended).await.expect("the end is noticed in time")
}

/// A node with a manager, and a clock that the test turns.
struct Node {
    store: Announcing,
    clock: ManualClock,
    cache: Arc<NearCache<Announcing>>,
    sign_ins: SignInManager,
}

impl Node {
    async fn start() -> Self {
        let store = Announcing::new();
        let clock = ManualClock::new(Timestamp::from_secs(1000));
        let cache =
            NearCache::<Announcing>::builder().max_staleness(MAX_STALENESS).clock(clock.clock());
        let cache = Arc::new(cache.build(store.clone()));
        let mut sign_ins = SignInManager::new(Arc::clone(&cache) as Arc<dyn Store>);
        sign_ins.settings.clock = clock.clock();
        until(|| cache.stats().lease.is_some()).await;
        Self { store, clock, cache, sign_ins }
    }

    /// Starts to wait for the end of a sign-in, and returns once it was loaded.
    async fn wait(&self, id: &SignInId) -> JoinHandle<EndReason> {
        let before = self.store.loads();
        let waiting = tokio::spawn(self.sign_ins.ended(*id, None));
        until(|| self.store.loads() > before).await;
        waiting
    }
}

async fn end_of(waiting: JoinHandle<EndReason>) -> EndReason {
    reason(Box::pin(async { waiting.await.unwrap() })).await
}

#[tokio::test]
async fn a_watch_is_woken_by_an_end_on_another_node() {
    let nodes = Nodes::start().await;
    let (id, watch) = nodes.watched_sign_in().await;
    nodes.remote.delete(&id).await.unwrap();
    ready(watch).await;
}

#[tokio::test]
async fn a_lost_connection_wakes_watches() {
    let nodes = Nodes::start().await;
    let (id, watch) = nodes.watched_sign_in().await;
    nodes.store.disconnect(true);
    ready(watch).await;
    assert!(nodes.near.watch(&id).is_none(), "there is no lease");
    nodes.store.disconnect(false);
    until(|| nodes.near.watch(&id).is_some()).await;
}

/// The connection is half open: announcements are lost without an error, but no heartbeat comes back.
#[tokio::test]
async fn without_beats_watches_are_woken_after_the_maximum_staleness() {
    let nodes = Nodes::start().await;
    let (id, watch) = nodes.watched_sign_in().await;
    nodes.store.lose(true);
    nodes.clock.advance(MAX_STALENESS);
    ready(watch).await;
    assert!(nodes.near.watch(&id).is_none());
}

/// `Require::revalidated` relies on it.
#[tokio::test]
async fn sec_14_a_load_always_reads_from_the_store() {
    let nodes = Nodes::start().await;
    let id = nodes.unnoticed_end().await;
    assert!(nodes.near.load(&id).await.unwrap().is_none());
}

#[tokio::test]
async fn sec_14_an_end_on_another_node_ends_the_wait() {
    let node = Node::start().await;
    let id = sign_in(&node.store).await;
    let waiting = node.wait(&id).await;
    node.store.delete(&id).await.unwrap();
    assert_eq!(end_of(waiting).await, EndReason::Revoked);
}

#[tokio::test]
async fn sec_14_lost_announcements_delay_an_end_by_the_maximum_staleness() {
    let node = Node::start().await;
    let id = sign_in(&node.store).await;
    let waiting = node.wait(&id).await;
    node.store.lose(true);
    node.store.delete(&id).await.unwrap();
    node.clock.advance(MAX_STALENESS);
    // The lease is over: all waiting tasks wake up, and load the sign-in one after the other.
    let turning = async {
        while !waiting.is_finished() {
            node.clock.advance(Duration::from_millis(50));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, turning).await.expect("the sign-in is loaded");
    assert_eq!(end_of(waiting).await, EndReason::Revoked);
}

/// When it wakes, it reads from the store, although there is an entry.
#[tokio::test]
async fn a_wait_loads_only_after_a_change() {
    let node = Node::start().await;
    let id = sign_in(&node.store).await;
    let other = sign_in(&node.store).await;
    let waiting = node.wait(&id).await;
    let loads = node.store.loads();
    let received = node.cache.stats().invalidations;
    for version in 0..10 {
        let data = SessionData::from_iter([("n", version.to_string())]);
        node.store.update(&other, version, data).await.unwrap();
    }
    until(|| node.cache.stats().invalidations == received + 10).await;
    node.clock.advance(Duration::from_secs(1)); // less than the bound: the lease is not over
    assert_eq!(node.store.loads(), loads, "changes of other sign-ins do not matter");
    assert!(!waiting.is_finished());
    node.store.delete(&id).await.unwrap();
    assert_eq!(end_of(waiting).await, EndReason::Revoked);
    assert_eq!(node.store.loads(), loads + 1);
}

/// A deadline of the sign-in is not announced.
#[tokio::test]
async fn a_deadline_ends_the_wait() {
    let node = Node::start().await;
    let id = sign_in(&node.store).await;
    let record = node.store.load(&id).await.unwrap().unwrap();
    let waiting = node.wait(&id).await;
    node.clock.advance(record.deadlines.ends_at.since(node.clock.now()));
    assert_eq!(record.expiry(node.clock.now()), Some(Expiry::Absolute));
    assert_eq!(end_of(waiting).await, EndReason::Expired);
}
