//! The messages that the scripts publish.

use auth_core::SignInId;
use auth_servers::{RedisCluster, RedisServer};
use auth_store::{OverflowPolicy, RedisStore, Secret, SignInLimit, Store};

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};

/// Subscribes at one server, takes every step, and compares the messages.
async fn publishes_every_change(url: String, listener: &RedisServer) {
    let prefix = "channel-test:";
    let store = RedisStore::builder(url).prefix(prefix).connect().await.expect("it runs");
    let mut connection = listener.connection().expect("it runs");
    let mut subscription = connection.as_pubsub();
    subscription.subscribe("channel-test:bus").expect("it runs");
    let mut next = || -> String {
        subscription.get_message().expect("a message").get_payload().expect("text")
    };
    let ids = |what: &str, sids: &[SignInId]| {
        sids.iter().fold(what.to_owned(), |text, sid| format!("{text} {sid}"))
    };
    // Two sign-ins of the same millisecond are announced in either order.
    let either =
        |what: &str, [one, two]: [SignInId; 2]| [ids(what, &[one, two]), ids(what, &[two, one])];

    let (secret, record) = draft(&store, Some("ada"));
    let sid = record.sid;
    store.create(record, None).await.expect("it runs");
    store.touch(&sid, now()).await.expect("it runs");
    store.update(&sid, 0, data("[]")).await.expect("it runs");
    assert_eq!(next(), ids("changed", &[sid]), "neither a new sign-in nor `touch` is published");
    store.update(&sid, 0, data("[]")).await.expect("it is stale");
    let digests = Secret::generate(sid).expect("randomness").digests(KIND);
    store.rotate(&sid, &secret.digests(KIND).current, rotation(digests)).await.expect("it runs");
    assert_eq!(next(), ids("changed", &[sid]), "a conflict is not published");
    let second = sign_in(&store, "ada").await;
    assert_eq!(store.update_subject("ada", b"{}").await.expect("it runs"), 2);
    let updated = next();
    assert!(either("changed", [sid, second]).contains(&updated), "{updated}");
    assert_eq!(store.revoke_others("ada", &second).await.expect("it runs"), 1);
    assert_eq!(next(), ids("ended", &[sid]));
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let third = draft(&store, Some("ada")).1;
    store.create(third.clone(), Some(limit)).await.expect("it runs");
    assert_eq!(next(), ids("ended", &[second]), "an eviction is an end");
    assert!(store.revoke("ada", &third.sid).await.expect("it runs"));
    assert_eq!(next(), ids("ended", &[third.sid]));
    store.revoke_subject("ada").await.expect("there is none");
    store.delete(&third.sid).await.expect("there is none");
    let last = sign_in(&store, "bob").await;
    assert!(store.delete(&last).await.expect("it runs"));
    assert_eq!(next(), ids("ended", &[last]), "a step without effect is not published");
}

#[tokio::test]
async fn every_change_is_published_once() {
    let server = RedisServer::start();
    publishes_every_change(server.url(), &server).await;
}

#[tokio::test]
async fn every_change_is_published_on_all_servers_of_a_cluster() {
    let cluster = RedisCluster::start();
    publishes_every_change(cluster.url(), &cluster.servers[4]).await;
}
