//! What PostgreSQL announces.

use std::time::Duration;

use auth_core::SignInId;
use auth_servers::PostgresServer;
use auth_store::near_cache::{Announcement, Announcements, Announces, Beat, Source};
use auth_store::{OverflowPolicy, PostgresStore, Secret, SignInLimit, Store};
use tokio::time::timeout;

use crate::sign_in::{KIND, data, draft, now, rotation, sign_in};
use crate::stores::postgres;

const LONG: Duration = Duration::from_secs(10);

async fn store(url: String) -> PostgresStore {
    PostgresStore::builder(url).migrate().connect().await.expect("it runs")
}

async fn next(heard: &mut dyn Announcements) -> Announcement {
    timeout(LONG, heard.next()).await.expect("it is announced").expect("the line holds")
}

/// All that is announced up to the next beat, one by one.
async fn changes(store: &PostgresStore, heard: &mut dyn Announcements) -> Vec<SignInId> {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let beat = Beat { node: 7, number };
    store.beat(beat).await.expect("it runs");
    let mut sids = Vec::new();
    loop {
        match next(heard).await {
            Announcement::Changed(changed) => sids.extend(changed),
            Announcement::Beat(heard, _) if heard == beat => break,
            other => panic!("{other:?}"),
        }
    }
    sids.sort_unstable();
    sids
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_or_ends_is_announced_and_nothing_else() {
    let store = store(postgres()).await;
    let mut listening = store.listen().await.expect("it runs");
    let heard = &mut *listening;
    let none: Vec<SignInId> = Vec::new();

    let (secret, record) = draft(&store, Some("ada"));
    let sid = record.sid;
    store.create(record, None).await.expect("it runs");
    store.touch(&sid, now() + LONG).await.expect("it runs");
    assert_eq!(changes(&store, heard).await, none, "a new one and a use are not announced");
    store.update(&sid, 0, data("[]")).await.expect("it runs");
    assert_eq!(changes(&store, heard).await, [sid]);
    store.update(&sid, 0, data("[]")).await.expect("it is stale");
    assert_eq!(changes(&store, heard).await, none, "what did not happen is not announced");
    let digests = Secret::generate(sid).expect("randomness").digests(KIND);
    store.rotate(&sid, &secret.digests(KIND).current, rotation(digests)).await.expect("it runs");
    assert_eq!(changes(&store, heard).await, [sid]);

    let second = sign_in(&store, "ada").await;
    let mut both = [sid, second];
    both.sort_unstable();
    assert_eq!(store.update_subject("ada", b"{}").await.expect("it runs"), 2);
    assert_eq!(changes(&store, heard).await, both);
    assert_eq!(store.revoke_others("ada", &second).await.expect("it runs"), 1);
    assert_eq!(changes(&store, heard).await, [sid]);
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let third = draft(&store, Some("ada")).1;
    store.create(third.clone(), Some(limit)).await.expect("it runs");
    assert_eq!(changes(&store, heard).await, [second], "an eviction is an end");
    assert!(store.revoke("ada", &third.sid).await.expect("it runs"));
    assert_eq!(changes(&store, heard).await, [third.sid]);
    store.delete(&third.sid).await.expect("there is none");
    assert_eq!(changes(&store, heard).await, none);

    let last = sign_in(&store, "bob").await;
    store.delete_if_version(&last, 0).await.expect("it runs");
    assert_eq!(changes(&store, heard).await, [last]);
    let last = sign_in(&store, "bob").await;
    assert!(store.delete_if_idle(&last, now() + LONG).await.expect("it runs"));
    assert_eq!(changes(&store, heard).await, [last]);
}

/// Far more than one message has room for.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_ends_at_once_are_announced() {
    let store = store(postgres()).await;
    let mut sids = Vec::new();
    for _ in 0..1000 {
        sids.push(sign_in(&store, "ada").await);
    }
    sids.sort_unstable();
    let mut listening = store.listen().await.expect("it runs");
    assert_eq!(store.revoke_subject("ada").await.expect("it runs"), 1000);
    assert_eq!(changes(&store, &mut *listening).await, sids);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_announcements_nothing_is_announced() {
    let url = postgres();
    let listener = store(url.clone()).await;
    let silent = PostgresStore::builder(url).insecure_without_announcements();
    let silent = silent.connect().await.expect("it runs");
    let mut listening = listener.listen().await.expect("it runs");
    let sid = sign_in(&silent, "ada").await;
    silent.update(&sid, 0, data("[]")).await.expect("it runs");
    assert_eq!(silent.revoke_subject("ada").await.expect("it runs"), 1);
    assert!(changes(&listener, &mut *listening).await.is_empty());
    // A near cache over it would never hear of what others end.
    assert!(silent.listen().await.is_err());
    silent.beat(Beat { node: 1, number: 1 }).await.expect_err("it would prove nothing");
}

/// What is said in the meantime would be missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_ends_the_listening_with_an_error() {
    let server = PostgresServer::start();
    let store = store(server.url()).await;
    let mut listening = store.listen().await.expect("it runs");
    let _ = server
        .ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'");
    timeout(LONG, listening.next()).await.expect("it ends").expect_err("its connection has ended");
    timeout(LONG, listening.next()).await.expect("at once").expect_err("nothing more comes");
}

async fn source(store: &PostgresStore) -> Source {
    let mut sources = store.beat(Beat { node: 1, number: 1 }).await.expect("it runs");
    assert_eq!(sources.len(), 1);
    sources.remove(0)
}

/// What was announced before is lost with the server, and nobody can prove that he has heard it.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_started_again_is_another_source() {
    let mut server = PostgresServer::start();
    let store = store(server.url()).await;
    let before = source(&store).await;
    assert_eq!(source(&store).await, before);
    server.kill();
    server.start_again();
    // The connections of before are gone, and the first step may find that out.
    let _ = store.load(&store.new_id(None).expect("randomness")).await;
    assert_ne!(source(&store).await, before);
}
