//! Whoever waits for the end of a sign-in hears it from every node, and is not deceived by silence.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{BoxFuture, EndReason, ManualClock, SignInId, Timestamp};
use auth_store::near_cache::NearCache;
use auth_store::{Expiry, SessionData, SignInManager, Store, Watch};

use tokio::task::JoinHandle;

use crate::announcing::Announcing;
use crate::trust::{BOUND, LONG_ENOUGH, Nodes, has_copy, sign_in, until};

async fn ready(watch: Watch) {
    tokio::time::timeout(LONG_ENOUGH, watch).await.expect("a watch that is ready");
}

async fn heard(ended: BoxFuture<EndReason>) -> EndReason {
    tokio::time::timeout(LONG_ENOUGH, ended).await.expect("an end that is heard")
}

/// A node with a manager, of which the test turns the clock.
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
        let cache = NearCache::<Announcing>::builder().max_staleness(BOUND).clock(clock.clock());
        let cache = Arc::new(cache.build(store.clone()));
        let mut sign_ins = SignInManager::new(Arc::clone(&cache) as Arc<dyn Store>);
        sign_ins.settings.clock = clock.clock();
        until(|| cache.stats().lease.is_some()).await;
        Self { store, clock, cache, sign_ins }
    }

    /// Waits for the end of a sign-in, and has looked at it once.
    async fn waiting(&self, sid: &SignInId) -> JoinHandle<EndReason> {
        let before = self.store.loads();
        let waiting = tokio::spawn(self.sign_ins.ended(*sid, None));
        until(|| self.store.loads() > before).await;
        waiting
    }
}

async fn end_of(waiting: JoinHandle<EndReason>) -> EndReason {
    heard(Box::pin(async { waiting.await.unwrap() })).await
}

#[tokio::test]
async fn a_watch_hears_what_another_node_ends() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    let watch = nodes.here.watch(&sid).expect("it hears of every change");
    nodes.there.delete(&sid).await.unwrap();
    ready(watch).await;
}

#[tokio::test]
async fn a_lost_connection_wakes_whoever_waits() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    let watch = nodes.here.watch(&sid).expect("it hears of every change");
    nodes.store.cut(true);
    ready(watch).await;
    assert!(nodes.here.watch(&sid).is_none(), "it hears nothing now, and says so");
    nodes.store.cut(false);
    until(|| nodes.here.watch(&sid).is_some()).await;
}

/// Half open: nothing says that announcements are lost, but no beat comes back.
#[tokio::test]
async fn without_beats_nobody_goes_on_waiting_beyond_the_bound() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    let watch = nodes.here.watch(&sid).expect("it hears of every change");
    nodes.store.swallow(true);
    nodes.clock.advance(BOUND);
    ready(watch).await;
    assert!(nodes.here.watch(&sid).is_none());
}

/// What a strict look counts on.
#[tokio::test]
async fn sec_14_a_load_is_never_answered_by_a_copy() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    nodes.here.load(&sid).await.unwrap().unwrap();
    nodes.store.swallow(true);
    nodes.there.delete(&sid).await.unwrap();
    assert!(has_copy(&nodes.here, &sid), "it was not told, and believes its copy");
    assert!(nodes.here.load(&sid).await.unwrap().is_none());
}

#[tokio::test]
async fn sec_14_whoever_waits_hears_what_ends_elsewhere() {
    let node = Node::start().await;
    let sid = sign_in(&node.store).await;
    let waiting = node.waiting(&sid).await;
    node.store.delete(&sid).await.unwrap();
    assert_eq!(end_of(waiting).await, EndReason::Revoked);
}

#[tokio::test]
async fn sec_14_lost_announcements_deceive_nobody_beyond_the_bound() {
    let node = Node::start().await;
    let sid = sign_in(&node.store).await;
    let waiting = node.waiting(&sid).await;
    node.store.swallow(true);
    node.store.delete(&sid).await.unwrap();
    node.clock.advance(BOUND);
    // Nobody tells any more: all who wait wake up, and ask one after the other.
    let turning = async {
        while !waiting.is_finished() {
            node.clock.advance(Duration::from_millis(50));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG_ENOUGH, turning).await.expect("it asks");
    assert_eq!(end_of(waiting).await, EndReason::Revoked);
}

/// It asks the store itself when it wakes, though a copy is there.
#[tokio::test]
async fn whoever_waits_asks_nobody_until_something_happens() {
    let node = Node::start().await;
    let sid = sign_in(&node.store).await;
    let other = sign_in(&node.store).await;
    let waiting = node.waiting(&sid).await;
    let asked = node.store.loads();
    let heard = node.cache.stats().invalidations;
    for version in 0..10 {
        let data = SessionData::from_iter([("n", version.to_string())]);
        node.store.update(&other, version, data).await.unwrap();
    }
    until(|| node.cache.stats().invalidations == heard + 10).await;
    node.clock.advance(Duration::from_secs(1)); // less than the bound: the lease is not over
    assert_eq!(node.store.loads(), asked, "others' changes are not its own");
    assert!(!waiting.is_finished());
    node.store.delete(&sid).await.unwrap();
    assert_eq!(end_of(waiting).await, EndReason::Revoked);
    assert_eq!(node.store.loads(), asked + 1);
}

/// The sign-in's own time: nobody announces it.
#[tokio::test]
async fn a_limit_ends_the_wait_at_its_moment() {
    let node = Node::start().await;
    let sid = sign_in(&node.store).await;
    let record = node.store.load(&sid).await.unwrap().unwrap();
    let waiting = node.waiting(&sid).await;
    node.clock.advance(record.limits.ends_at.since(node.clock.now()));
    assert_eq!(record.expiry(node.clock.now()), Some(Expiry::Absolute));
    assert_eq!(end_of(waiting).await, EndReason::Expired);
}
