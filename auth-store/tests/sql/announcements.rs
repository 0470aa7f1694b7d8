//! The announcements of the PostgreSQL store.

use std::time::Duration;

use auth_core::SignInId;
use auth_servers::PostgresServer;
use auth_store::near_cache::{
    Announcement, Announcements, AnnouncingStore, ChangeSource, Heartbeat,
};
use auth_store::{OverflowPolicy, PostgresStore, Secret, SignInLimit, Store};
use tokio::time::timeout;

use crate::sign_in::{KIND, data, draft, now, rotation, secret_of_sign_in, sign_in};
use crate::stores::postgres;

const LONG: Duration = Duration::from_secs(10);

async fn store(url: String) -> PostgresStore {
    PostgresStore::builder(url).migrate().connect().await.expect("it runs")
}

async fn next(listener: &mut dyn Announcements) -> Announcement {
    timeout(LONG, listener.next()).await.expect("an announcement").expect("the connection is open")
}

/// Returns the announced ids up to the next heartbeat.
async fn changes(store: &PostgresStore, listener: &mut dyn Announcements) -> Vec<SignInId> {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let heartbeat = Heartbeat { node: 7, number };
    store.send_heartbeat(heartbeat).await.expect("it runs");
    let mut ids = Vec::new();
    loop {
        match next(listener).await {
            Announcement::Changed(changed) => ids.extend(changed),
            Announcement::Heartbeat(received, _) if received == heartbeat => break,
            other => panic!("{other:?}"),
        }
    }
    ids.sort_unstable();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_and_every_end_is_announced_and_nothing_else() {
    let store = store(postgres()).await;
    let mut listener = store.listen().await.expect("it runs");
    let listener = &mut *listener;
    let none: Vec<SignInId> = Vec::new();

    let secret = secret_of_sign_in(&store, "ada").await;
    let id = secret.id();
    store.touch(&id, now() + LONG).await.expect("it runs");
    assert_eq!(changes(&store, listener).await, none, "creation and use are not announced");
    store.update(&id, 0, data("[]")).await.expect("it runs");
    assert_eq!(changes(&store, listener).await, [id]);
    store.update(&id, 0, data("[]")).await.expect("it is stale");
    assert_eq!(changes(&store, listener).await, none, "a conflict is not announced");
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    store.rotate(&id, &secret.digests(KIND).current, rotation(digests)).await.expect("it runs");
    assert_eq!(changes(&store, listener).await, [id]);

    let second = sign_in(&store, "ada").await;
    let mut both = [id, second];
    both.sort_unstable();
    assert_eq!(store.update_subject("ada", b"{}").await.expect("it runs"), 2);
    assert_eq!(changes(&store, listener).await, both);
    assert_eq!(store.revoke_others("ada", &second).await.expect("it runs"), 1);
    assert_eq!(changes(&store, listener).await, [id]);
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let third = draft(&store, Some("ada")).1;
    store.create(third.clone(), Some(limit)).await.expect("it runs");
    assert_eq!(changes(&store, listener).await, [second], "an eviction is announced");
    assert!(store.revoke("ada", &third.id).await.expect("it runs"));
    assert_eq!(changes(&store, listener).await, [third.id]);
    store.delete(&third.id).await.expect("there is none");
    assert_eq!(changes(&store, listener).await, none);

    let last = sign_in(&store, "bob").await;
    store.delete_if_version(&last, 0).await.expect("it runs");
    assert_eq!(changes(&store, listener).await, [last]);
    let last = sign_in(&store, "bob").await;
    assert!(store.delete_if_idle(&last, now() + LONG).await.expect("it runs"));
    assert_eq!(changes(&store, listener).await, [last]);
}

/// The ids exceed the maximum length of a notification.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_simultaneous_ends_are_announced() {
    let store = store(postgres()).await;
    let mut ids = Vec::new();
    for _ in 0..1000 {
        ids.push(sign_in(&store, "ada").await);
    }
    ids.sort_unstable();
    let mut listener = store.listen().await.expect("it runs");
    assert_eq!(store.revoke_subject("ada").await.expect("it runs"), 1000);
    assert_eq!(changes(&store, &mut *listener).await, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_announcements_announce_nothing() {
    let url = postgres();
    let announcing = store(url.clone()).await;
    let silent = PostgresStore::builder(url).insecure_without_announcements();
    let silent = silent.connect().await.expect("it runs");
    let mut listener = announcing.listen().await.expect("it runs");
    let id = sign_in(&silent, "ada").await;
    silent.update(&id, 0, data("[]")).await.expect("it runs");
    assert_eq!(silent.revoke_subject("ada").await.expect("it runs"), 1);
    assert!(changes(&announcing, &mut *listener).await.is_empty());
    // A near cache in front of it would miss what other nodes end.
    assert!(silent.listen().await.is_err());
    silent
        .send_heartbeat(Heartbeat { node: 1, number: 1 })
        .await
        .expect_err("the announcements are disabled");
}

/// Announcements during a reconnection would be lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_ends_the_listener_with_an_error() {
    let server = PostgresServer::start();
    let store = store(server.url()).await;
    let mut listener = store.listen().await.expect("it runs");
    let _ = server
        .ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    timeout(LONG, listener.next()).await.expect("an error").expect_err("the connection was closed");
    timeout(LONG, listener.next()).await.expect("an error").expect_err("the listener has ended");
}

async fn source(store: &PostgresStore) -> ChangeSource {
    let mut sources =
        store.send_heartbeat(Heartbeat { node: 1, number: 1 }).await.expect("it runs");
    assert_eq!(sources.len(), 1);
    sources.remove(0)
}

/// Announcements that were not delivered before the restart are lost, so leases must not survive it.
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_is_another_source() {
    let mut server = PostgresServer::start();
    let store = store(server.url()).await;
    let before = source(&store).await;
    assert_eq!(source(&store).await, before);
    server.kill();
    server.start_again();
    // The old connections are closed, so the first operation may fail.
    let _ = store.load(&store.new_id(None).expect("randomness")).await;
    assert_ne!(source(&store).await, before);
}
