//! Transactions of others that are in the way.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_store::{Created, MongoStore, OverflowPolicy, SignInLimit, Store, StoreErrorKind};
use mongodb::Client;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Document, doc};
use tokio::time::sleep;

use crate::sign_in::{draft, sign_in};
use crate::stores::{SERVER, open};

/// A transaction that is not finished blocks an operation on the same documents until it is, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_transaction_blocks_only_its_subject() {
    let url = SERVER.url_of_new();
    let store = open(&url).await;
    let client = Client::with_uri_str(&url).await.expect("a valid URL");
    let records = client.default_database().expect("it is named");
    let records = records.collection::<Document>("auth_sign_ins");
    let ada = sign_in(&store, "ada").await;
    sign_in(&store, "bob").await;

    let mut session = client.start_session().await.expect("it runs");
    session.start_transaction().await.expect("it runs");
    let of_ada = doc! { "subject": { "$exists": true }, "version": 0_i64 };
    let changed = records.update_one(of_ada, doc! { "$inc": { "other": 1 } });
    changed.session(&mut session).await.expect("it runs");

    let error = store.revoke_subject("ada").await.expect_err("the transaction is in the way");
    assert_eq!(error.kind(), StoreErrorKind::Contended);
    assert_eq!(store.list("ada").await.expect("reads do not wait").len(), 1);
    assert_eq!(store.revoke_subject("bob").await.expect("it is another subject"), 1);
    session.abort_transaction().await.expect("it runs");
    assert_eq!(store.revoke_subject("ada").await.expect("nothing is in the way"), 1);
    assert!(store.load(&ada).await.expect("it runs").is_none());
}

/// Regression: a transaction that was repeated waited for those of all other subjects.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_blocked_subject_delays_no_repetition_of_another_one() {
    let url = SERVER.url_of_new();
    let builder = MongoStore::builder(&url).timeout(Duration::from_secs(8)).migrate();
    let store = Arc::new(builder.connect().await.expect("the server runs"));
    let client = Client::with_uri_str(&url).await.expect("a valid URL");
    let records = client.default_database().expect("it is named");
    let records = records.collection::<Document>("auth_sign_ins");
    let mut blocked = Vec::new();
    for subject in ["ada", "bob"] {
        sign_in(&*store, subject).await;
        let mut session = client.start_session().await.expect("it runs");
        session.start_transaction().await.expect("it runs");
        let value = Binary { subtype: BinarySubtype::Generic, bytes: subject.into() };
        let filter = doc! { "subject": value };
        let changed = records.update_one(filter, doc! { "$inc": { "other": 1 } });
        assert_eq!(changed.session(&mut session).await.expect("it runs").matched_count, 1);
        let revoked = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.revoke_subject(subject).await })
        };
        blocked.push((session, revoked));
        sleep(Duration::from_millis(500)).await; // it fails once, and is repeated
    }
    let (mut session, bob) = blocked.pop().expect("two");
    session.abort_transaction().await.expect("it runs");
    assert_eq!(bob.await.expect("no panic").expect("nothing is in the way"), 1);
    let (mut session, ada) = blocked.pop().expect("two");
    assert!(!ada.is_finished(), "it waits for its own subject");
    session.abort_transaction().await.expect("it runs");
    assert_eq!(ada.await.expect("no panic").expect("nothing is in the way"), 1);
}

/// The first sign-ins of a subject insert its lock at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_sign_ins_of_a_subject_respect_the_limit() {
    let store = Arc::new(open(SERVER.url_of_new()).await);
    let limit = SignInLimit { max: NonZeroU32::MIN, when_full: OverflowPolicy::Reject };
    let tasks = (0..4).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            loop {
                match store.create(draft(&*store, Some("ada")).1, Some(limit)).await {
                    Err(error) if error.kind() == StoreErrorKind::Contended => {}
                    created => return created.expect("it runs"),
                }
            }
        })
    });
    let mut stored = 0;
    for task in tasks.collect::<Vec<_>>() {
        stored += usize::from(task.await.expect("no panic") != Created::LimitReached);
    }
    assert_eq!(stored, 1);
    assert_eq!(store.list("ada").await.expect("it runs").len(), 1);
}
