//! For how long an entry is used.

use std::time::Duration;

use auth_core::{ManualClock, Timestamp};
use auth_store::Store;
use auth_store::near_cache::NearCache;

use crate::announcing::Announcing;
use crate::nodes::{MAX_STALENESS, Nodes, is_cached, sign_in, until};

#[tokio::test]
async fn an_end_on_one_node_reaches_the_other() {
    let nodes = Nodes::start().await;
    let id = nodes.sign_in().await;
    assert!(!is_cached(&nodes.near, &id));
    nodes.near.load(&id).await.unwrap().unwrap();
    assert!(is_cached(&nodes.near, &id));
    nodes.remote.delete(&id).await.unwrap();
    until(|| !is_cached(&nodes.near, &id)).await;
    assert!(nodes.near.load(&id).await.unwrap().is_none());
    assert_eq!(nodes.near.stats().invalidations, 1);
}

#[tokio::test]
async fn an_end_on_this_node_is_seen_at_once() {
    let nodes = Nodes::start().await;
    nodes.store.lose(true);
    for end in ["delete", "revoke", "all"] {
        let id = nodes.cached_sign_in().await;
        assert!(is_cached(&nodes.near, &id), "{end}");
        match end {
            "delete" => drop(nodes.near.delete(&id).await.unwrap()),
            "revoke" => drop(nodes.near.revoke("alice", &id).await.unwrap()),
            _ => drop(nodes.near.revoke_subject("alice").await.unwrap()),
        }
        assert!(!is_cached(&nodes.near, &id), "{end}");
    }
}

/// The connection is half open: announcements are lost without an error, but no heartbeat comes back.
#[tokio::test]
async fn sec_14_without_beats_no_entry_is_used_beyond_the_maximum_staleness() {
    let nodes = Nodes::start().await;
    let id = nodes.unnoticed_end().await;
    nodes.clock.advance(MAX_STALENESS);
    assert!(!is_cached(&nodes.near, &id), "the lease is over");
    assert_eq!(nodes.near.stats().lease, None);
    nodes.store.lose(false);
    until(|| nodes.near.stats().lease.is_some()).await;
}

/// A connection can be gone for good without an error. The cache must not listen to it for ever.
#[tokio::test]
async fn a_connection_that_brings_nothing_is_replaced() {
    let nodes = Nodes::start().await;
    let before = nodes.near.stats().generation;
    nodes.store.lose(true);
    nodes.clock.advance(2 * MAX_STALENESS + MAX_STALENESS);
    until(|| nodes.near.stats().generation > before).await;
    nodes.store.lose(false);
    until(|| nodes.near.stats().lease.is_some()).await;
}

/// What was announced while the connection was down was missed.
#[tokio::test]
async fn a_lost_connection_drops_every_entry() {
    let nodes = Nodes::start().await;
    let id = nodes.cached_sign_in().await;
    let before = nodes.near.stats().generation;
    nodes.store.disconnect(true);
    until(|| nodes.near.stats().lease.is_none()).await;
    assert!(!is_cached(&nodes.near, &id));
    assert!(nodes.near.load(&id).await.unwrap().is_some(), "the store answers");
    nodes.store.disconnect(false);
    until(|| nodes.near.stats().lease.is_some()).await;
    assert!(nodes.near.stats().generation > before);
    assert!(!is_cached(&nodes.near, &id), "what was loaded without a lease is not used");
}

#[tokio::test]
async fn changed_sources_end_the_lease() {
    let nodes = Nodes::start().await;
    let before = nodes.near.stats().generation;
    nodes.store.set_sources(2);
    until(|| nodes.near.stats().generation > before).await;
    until(|| nodes.near.stats().lease.is_some()).await;
}

/// The first heartbeat arrives before the store has returned the sources. Regression: it was ignored, and the
/// lease began with the second one, here after half a minute.
#[tokio::test]
async fn the_first_beat_begins_the_lease() {
    let two_minutes = Duration::from_secs(120);
    let cache =
        NearCache::<Announcing>::builder().max_staleness(two_minutes).build(Announcing::new());
    until(|| cache.stats().lease.is_some()).await;
}

#[tokio::test]
async fn an_entry_without_announcements_expires() {
    let clock = ManualClock::new(Timestamp::from_secs(1000));
    let store = Announcing::new();
    let cache = NearCache::<Announcing>::builder()
        .clock(clock.clock())
        .with_ttl(store.clone(), Duration::from_secs(5));
    let id = sign_in(&store).await;
    cache.load(&id).await.unwrap().unwrap();
    clock.advance(Duration::from_millis(4999));
    assert!(is_cached(&cache, &id));
    clock.advance(Duration::from_millis(1));
    assert!(!is_cached(&cache, &id));
}

/// The announcements work, but the sign-in ends without one: an administrator deletes the record by hand.
#[tokio::test]
async fn sec_97_an_entry_is_not_used_beyond_its_maximum_age() {
    for (max_age, builder) in [
        (Duration::from_secs(60), NearCache::<Announcing>::builder()),
        (
            Duration::from_secs(8),
            NearCache::<Announcing>::builder().max_age(Duration::from_secs(8)),
        ),
    ] {
        let (store, clock) = (Announcing::new(), ManualClock::new(Timestamp::from_secs(1000)));
        let longer_than_the_test = Duration::from_secs(600);
        let cache =
            builder.max_staleness(longer_than_the_test).clock(clock.clock()).build(store.clone());
        until(|| cache.stats().lease.is_some()).await;
        let mut sids = Vec::new();
        for _ in 0..50 {
            let id = sign_in(&store).await;
            cache.load(&id).await.unwrap().unwrap();
            store.unannounced().delete(&id).await.unwrap();
            sids.push(id);
        }
        let cached = || sids.iter().filter(|id| is_cached(&cache, id)).count();
        clock.advance(max_age * 3 / 4);
        assert_eq!(cached(), 50, "nothing has announced the ends");
        clock.advance(max_age / 8);
        assert!((1..50).contains(&cached()), "not all at the same time: {}", cached());
        clock.advance(max_age / 8);
        assert!(cache.stats().lease.is_some());
        assert_eq!(cached(), 0);
        assert!(cache.load(&sids[0]).await.unwrap().is_none(), "the store is read");
    }
}
