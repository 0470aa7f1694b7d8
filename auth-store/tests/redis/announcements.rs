//! The messages that the scripts publish.

use auth_core::SignInId;
use auth_servers::{RedisCluster, RedisServer};
use auth_store::{OverflowPolicy, RedisStore, Secret, SignInLimit, Store};

use crate::sign_in::{KIND, data, draft, now, rotation, secret_of_sign_in, sign_in};

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
    let message = |what: &str, ids: &[SignInId]| {
        ids.iter().fold(what.to_owned(), |text, id| format!("{text} {id}"))
    };
    // Two sign-ins of the same millisecond are announced in either order.
    let either = |what: &str, [one, two]: [SignInId; 2]| {
        [message(what, &[one, two]), message(what, &[two, one])]
    };

    let secret = secret_of_sign_in(&store, "ada").await;
    let id = secret.id();
    store.touch(&id, now()).await.expect("it runs");
    store.update(&id, 0, data("[]")).await.expect("it runs");
    assert_eq!(next(), message("changed", &[id]), "neither a new sign-in nor `touch` is published");
    store.update(&id, 0, data("[]")).await.expect("it is stale");
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    store.rotate(&id, &secret.digests(KIND).current, rotation(digests)).await.expect("it runs");
    assert_eq!(next(), message("changed", &[id]), "a conflict is not published");
    let second = sign_in(&store, "ada").await;
    assert_eq!(store.update_subject("ada", b"{}").await.expect("it runs"), 2);
    let updated = next();
    assert!(either("changed", [id, second]).contains(&updated), "{updated}");
    assert_eq!(store.revoke_others("ada", &second).await.expect("it runs"), 1);
    assert_eq!(next(), message("ended", &[id]));
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let third = draft(&store, Some("ada")).1;
    store.create(third.clone(), Some(limit)).await.expect("it runs");
    assert_eq!(next(), message("ended", &[second]), "an eviction is an end");
    assert!(store.revoke("ada", &third.id).await.expect("it runs"));
    assert_eq!(next(), message("ended", &[third.id]));
    store.revoke_subject("ada").await.expect("there is none");
    store.delete(&third.id).await.expect("there is none");
    let last = sign_in(&store, "bob").await;
    assert!(store.delete(&last).await.expect("it runs"));
    assert_eq!(next(), message("ended", &[last]), "a step without effect is not published");
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
