//! The errors of opening a store.

use std::time::Duration;

use auth_servers::MongoServer;
use auth_store::{MongoSetupError, MongoStore, Secret, Store};
use mongodb::bson::doc;

use crate::error_text::error_text as said;
use crate::sign_in::{KIND, draft, now, rotation};
use crate::stores::{SERVER, collection, open};

async fn refused(url: &str) -> MongoSetupError {
    MongoStore::connect(url).await.expect_err("it cannot be opened")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standalone_server_is_refused() {
    let server = MongoServer::with(&["--standalone"]);
    let error = refused(&server.url()).await;
    assert!(matches!(error, MongoSetupError::Standalone), "{error:?}");
    assert!(said(&error).contains("replica set"), "{}", said(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_missing_or_wrong_is_named_without_the_password() {
    let server = MongoServer::with(&["--auth"]);
    let wrong = server.url().replace("://", "://ada:hunter2@");
    for url in [wrong, server.url()] {
        let error = refused(&url).await;
        assert!(matches!(error, MongoSetupError::Authentication(_)), "{error:?}");
        assert!(!said(&error).contains("hunter2"), "{}", said(&error));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_indexes_are_required_and_created_on_request() {
    let url = SERVER.url_of_new();
    assert!(matches!(refused(&url).await, MongoSetupError::NotMigrated));
    let (_, _) = tokio::join!(open(&url), open(&url));
    MongoStore::connect(&url).await.expect("they exist");
    for index in ["subject", "anonymous", "expires_at"] {
        collection(&url).await.drop_index(index).await.expect("it exists");
        assert!(matches!(refused(&url).await, MongoSetupError::NotMigrated), "{index}");
        open(&url).await;
    }
    let listed = collection(&url).await.list_index_names().await.expect("it runs");
    assert_eq!(listed.len(), 4, "{listed:?}");
}

#[tokio::test]
async fn invalid_options_are_refused_before_anything_is_opened() {
    let at_port = |port| MongoStore::builder(format!("mongodb://127.0.0.1:{port}/d"));
    let error = at_port(1).max_connections(0).connect().await.expect_err("no connection");
    assert!(matches!(error, MongoSetupError::ZeroConnections));
    for timeout in [Duration::ZERO, Duration::from_secs(3601)] {
        let error = at_port(1).timeout(timeout).connect().await.expect_err("out of range");
        assert!(matches!(error, MongoSetupError::InvalidTimeout));
    }
    let error = at_port(1).timeout(Duration::from_millis(100)).connect().await;
    let error = error.expect_err("nothing listens there");
    assert!(matches!(error, MongoSetupError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn sec_74_debug_shows_no_password() {
    let url = SERVER.url_of_new();
    let builder = MongoStore::builder("mongodb://ada:hunter2@h/d");
    assert!(!format!("{builder:?}").contains("hunter2"));
    let shown = format!("{:?}", open(url).await);
    assert!(shown.contains("timeout") && !shown.contains("127.0.0.1"), "{shown}");
}

/// The server deletes by the index of `expires_at`, and no sooner than an hour after a sign-in has expired.
#[tokio::test(flavor = "multi_thread")]
async fn the_server_deletes_an_hour_after_the_end() {
    let url = SERVER.url_of_new();
    let store = open(&url).await;
    let records = collection(&url).await;
    let expires_at = async || {
        let found = records.find_one(doc! { "subject": { "$exists": true } });
        let found = found.await.expect("it runs").expect("it is stored");
        found.get_datetime("expires_at").expect("a date").timestamp_millis()
    };
    let millis = |at: auth_core::Timestamp| i64::try_from(at.as_millis()).expect("small");
    let (hour, day) = (Duration::from_secs(3600), Duration::from_secs(86_400));
    let (secret, record) = draft(&store, Some("ada"));
    let (id, seen, ends_at) = (record.id, record.last_seen(), record.deadlines.ends_at);
    store.create(record, None).await.expect("it runs");
    assert_eq!(expires_at().await, millis(seen + day + hour));
    store.touch(&id, seen + day / 2).await.expect("it runs");
    assert_eq!(expires_at().await, millis(seen + day + day / 2 + hour));
    store.touch(&id, ends_at).await.expect("it runs");
    assert_eq!(expires_at().await, millis(ends_at + hour));
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    store.rotate(&id, &secret.digests(KIND).current, rotation(digests)).await.expect("it runs");
    assert_eq!(expires_at().await, millis(ends_at + hour), "a refresh without grace is no use");
    assert!(millis(now()) < expires_at().await);
}
