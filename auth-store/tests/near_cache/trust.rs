//! For how long a copy is believed: two nodes over one store, and a monotonic clock to turn.

use std::time::Duration;

use auth_core::{ManualClock, SignInId, Timestamp};
use auth_store::near_cache::NearCache;
use auth_store::{Deadlines, Lifetime, Peek, Record, Secret, SecretKind, Store};

use crate::announcing::Announcing;

pub(crate) const BOUND: Duration = Duration::from_secs(2);
pub(crate) const LONG_ENOUGH: Duration = Duration::from_secs(20);

pub(crate) struct Nodes {
    pub(crate) store: Announcing,
    pub(crate) clock: ManualClock,
    pub(crate) here: NearCache<Announcing>,
    pub(crate) there: NearCache<Announcing>,
}

impl Nodes {
    pub(crate) async fn start() -> Self {
        let store = Announcing::new();
        let clock = ManualClock::new(Timestamp::from_secs(1000));
        let node = || {
            NearCache::<Announcing>::builder()
                .max_staleness(BOUND)
                .clock(clock.clock())
                .build(store.clone())
        };
        let nodes = Self { here: node(), there: node(), store, clock };
        until(|| nodes.here.stats().lease.is_some() && nodes.there.stats().lease.is_some()).await;
        nodes
    }

    pub(crate) async fn sign_in(&self) -> SignInId {
        sign_in(&self.store).await
    }

    /// Lets time go by.
    fn wait(&self, time: Duration) {
        self.clock.advance(time);
    }
}

pub(crate) async fn sign_in(store: &impl Store) -> SignInId {
    let sid = store.new_id(Some("alice")).unwrap();
    let now = Timestamp::from_secs(1000);
    let digests = Secret::generate(sid).unwrap().digests(SecretKind::Cookie);
    let limits = Deadlines::starting(Lifetime::AAL1, now);
    let record = Record::new(sid, SecretKind::Cookie, digests, Some("alice".into()), limits, now);
    store.create(record, None).await.unwrap();
    sid
}

pub(crate) fn has_copy(cache: &impl Store, sid: &SignInId) -> bool {
    let mut has = false;
    cache.peek(sid, &mut |peek| has = matches!(peek, Peek::Cached(_)));
    has
}

/// Waits for something that others do.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    let all = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(LONG_ENOUGH, all).await.expect("it does not happen");
}

#[tokio::test]
async fn what_one_node_ends_the_other_forgets() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    assert!(!has_copy(&nodes.here, &sid));
    nodes.here.load(&sid).await.unwrap().unwrap();
    assert!(has_copy(&nodes.here, &sid));
    nodes.there.delete(&sid).await.unwrap();
    until(|| !has_copy(&nodes.here, &sid)).await;
    assert!(nodes.here.load(&sid).await.unwrap().is_none());
    assert_eq!(nodes.here.stats().invalidations, 1);
}

#[tokio::test]
async fn what_this_node_ends_is_forgotten_at_once() {
    let nodes = Nodes::start().await;
    nodes.store.swallow(true);
    for end in ["delete", "revoke", "all"] {
        let sid = nodes.sign_in().await;
        nodes.here.load(&sid).await.unwrap().unwrap();
        assert!(has_copy(&nodes.here, &sid), "{end}");
        match end {
            "delete" => drop(nodes.here.delete(&sid).await.unwrap()),
            "revoke" => drop(nodes.here.revoke("alice", &sid).await.unwrap()),
            _ => drop(nodes.here.revoke_subject("alice").await.unwrap()),
        }
        assert!(!has_copy(&nodes.here, &sid), "{end}");
    }
}

/// Half open: nothing says that announcements are lost, but no beat comes back.
#[tokio::test]
async fn sec_14_without_beats_nothing_is_believed_beyond_the_bound() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    nodes.here.load(&sid).await.unwrap().unwrap();
    nodes.store.swallow(true);
    nodes.store.delete(&sid).await.unwrap();
    assert!(has_copy(&nodes.here, &sid), "it was not told");
    nodes.wait(BOUND);
    assert!(!has_copy(&nodes.here, &sid), "and knows that it may have missed something");
    assert_eq!(nodes.here.stats().lease, None);
    nodes.store.swallow(false);
    until(|| nodes.here.stats().lease.is_some()).await;
}

/// A connection that is gone for good without a word would otherwise be listened to for ever.
#[tokio::test]
async fn a_way_that_brings_nothing_is_given_up() {
    let nodes = Nodes::start().await;
    let before = nodes.here.stats().generation;
    nodes.store.swallow(true);
    nodes.wait(2 * BOUND + BOUND);
    until(|| nodes.here.stats().generation > before).await;
    nodes.store.swallow(false);
    until(|| nodes.here.stats().lease.is_some()).await;
}

/// A lost way that comes back: what was announced meanwhile was missed.
#[tokio::test]
async fn after_a_lost_connection_every_copy_is_gone() {
    let nodes = Nodes::start().await;
    let sid = nodes.sign_in().await;
    nodes.here.load(&sid).await.unwrap().unwrap();
    let before = nodes.here.stats().generation;
    nodes.store.cut(true);
    until(|| nodes.here.stats().lease.is_none()).await;
    assert!(!has_copy(&nodes.here, &sid));
    assert!(nodes.here.load(&sid).await.unwrap().is_some(), "the store still answers");
    nodes.store.cut(false);
    until(|| nodes.here.stats().lease.is_some()).await;
    assert!(nodes.here.stats().generation > before);
    assert!(!has_copy(&nodes.here, &sid), "what was kept while deaf is not believed");
}

#[tokio::test]
async fn other_sources_drop_the_lease() {
    let nodes = Nodes::start().await;
    let before = nodes.here.stats().generation;
    nodes.store.set_sources(2);
    until(|| nodes.here.stats().generation > before).await;
    until(|| nodes.here.stats().lease.is_some()).await;
}

/// The first beat is heard before its sending has said which sources there are. The fault: it was
/// lost, and the lease came with the second one, here after half a minute.
#[tokio::test]
async fn the_first_beat_arms_the_lease() {
    let two_minutes = Duration::from_secs(120);
    let cache =
        NearCache::<Announcing>::builder().max_staleness(two_minutes).build(Announcing::new());
    until(|| cache.stats().lease.is_some()).await;
}

#[tokio::test]
async fn a_copy_without_announcements_ages() {
    let clock = ManualClock::new(Timestamp::from_secs(1000));
    let store = Announcing::new();
    let cache = NearCache::<Announcing>::builder()
        .clock(clock.clock())
        .with_ttl(store.clone(), Duration::from_secs(5));
    let sid = sign_in(&store).await;
    cache.load(&sid).await.unwrap().unwrap();
    clock.advance(Duration::from_millis(4999));
    assert!(has_copy(&cache, &sid));
    clock.advance(Duration::from_millis(1));
    assert!(!has_copy(&cache, &sid));
}
