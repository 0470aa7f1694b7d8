//! Servers that hang or are killed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_servers::{MongoServer, until};
use auth_store::{MongoStore, OverflowPolicy, SignInLimit, Store, StoreErrorKind, conformance};

use crate::outages::{recovers, survives_a_hung_server, survives_a_killed_server};
use crate::sign_in::{draft, sign_in};
use crate::stores::{empty, open};

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_is_unavailable_within_two_seconds_and_recovers() {
    let server = MongoServer::start();
    survives_a_hung_server(&server, &open(server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_a_server_that_is_gone_is_never_an_answer() {
    let mut server = MongoServer::start();
    let store = open(server.url()).await;
    server.kill();
    conformance::check_failing(store).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_a_hung_server_is_never_an_answer() {
    let server = MongoServer::start();
    open(server.url()).await;
    let quick = MongoStore::builder(server.url()).timeout(Duration::from_millis(500));
    let store = quick.connect().await.expect("the server runs");
    server.hang();
    conformance::check_failing(store).await.assert_passed();
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_outlast_a_killed_server() {
    let mut server = MongoServer::with(&[MongoServer::DURABLE]);
    let store = open(server.url()).await;
    survives_a_killed_server(&mut server, &store).await;
}

/// The server is killed while users sign in, each time with a new sign-in that replaces the last.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sec_14_nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let mut server = MongoServer::with(&[MongoServer::DURABLE]);
    let store = Arc::new(open(server.url()).await);
    let acknowledged = Arc::new(AtomicU64::new(0));
    let users = (0..4).map(|user| {
        let (store, acknowledged) = (Arc::clone(&store), Arc::clone(&acknowledged));
        tokio::spawn(async move {
            let limit =
                SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::EvictOldest };
            let (subject, mut ended) = (format!("user-{user}"), Vec::new());
            loop {
                let (_, record) = draft(&*store, Some(&subject));
                let id = record.id;
                match store.create(record, Some(limit)).await {
                    Ok(_) => acknowledged.fetch_add(1, Ordering::Relaxed),
                    Err(_) => return (subject, ended, None),
                };
                if store.update_subject(&subject, b"{}").await.is_err() {
                    return (subject, ended, Some(id));
                }
                ended.push(id);
            }
        })
    });
    let users: Vec<_> = users.collect();
    until("some have signed in", || (acknowledged.load(Ordering::Relaxed) > 20).then_some(()));
    server.kill();
    let mut left = Vec::new();
    for user in users {
        left.push(user.await.expect("no panic"));
    }
    server.start_again();
    recovers(&*store, Duration::from_secs(5)).await;
    for (subject, mut ended, last) in left {
        // The sign-in that failed may have happened, and have ended the one before.
        let current = last.or_else(|| ended.pop());
        for id in ended {
            assert!(store.load(&id).await.expect("it runs").is_none(), "an ended sign-in is back");
        }
        let listed = store.list(&subject).await.expect("it runs");
        assert_eq!(listed.len(), 1, "{current:?} is lost");
        if last.is_none() && Some(listed[0].id) == current {
            assert_eq!(listed[0].version, 1, "the change of roles is lost");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_unavailable() {
    let store = empty().await;
    let id = sign_in(&store, "ada").await;
    store.close().await.expect("no operation has begun");
    let error = store.load(&id).await.expect_err("it is closed");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    store.close().await.expect("it is closed already");
}
