//! The errors of opening a store.

use std::time::Duration;

use auth_servers::MongoServer;
use auth_store::{MongoSetupError, MongoStore, Secret, Store};
use mongodb::IndexModel;
use mongodb::bson::doc;
use mongodb::options::IndexOptions;

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

/// Regression: an index was recognized by the names of its fields alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_with_other_keys_or_options_is_named() {
    let url = SERVER.url_of_new();
    open(&url).await;
    let records = collection(&url).await;
    let after = |seconds| IndexOptions::builder().expire_after(Duration::from_secs(seconds));
    let plain = IndexOptions::default;
    let unique = IndexOptions::builder().unique(true).build();
    let some = IndexOptions::builder().partial_filter_expression(doc! { "kind": 4 }).build();
    let expiry = doc! { "expires_at": 1 };
    let subject = |created_at: i32| doc! { "subject": 1, "created_at": created_at };
    for (index, keys, mut options) in [
        ("expires_at", expiry.clone(), after(3600).build()),
        ("expires_at", expiry, plain()),
        ("expires_at", doc! { "expires_at": -1 }, after(0).build()),
        ("expires_at", doc! { "ends_at": 1 }, after(0).build()),
        ("subject", subject(-1), plain()),
        ("subject", subject(1), unique),
        ("subject", subject(1), some),
    ] {
        let shown = format!("{keys} {options:?}");
        records.drop_index(index).await.expect("it exists");
        options.name = Some(index.to_owned());
        let other = IndexModel::builder().keys(keys).options(options).build();
        records.create_index(other).await.expect("it runs");
        for builder in [MongoStore::builder(&url), MongoStore::builder(&url).migrate()] {
            let error = builder.connect().await.expect_err(&shown);
            let is_named = matches!(&error, MongoSetupError::WrongIndex { name } if name == index);
            assert!(is_named && said(&error).contains("drop it"), "{shown}: {error:?}");
        }
        records.drop_index(index).await.expect("it exists");
        open(&url).await;
    }
    // The shell writes numbers as doubles, and names as it likes.
    records.drop_index("subject").await.expect("it exists");
    let keys = doc! { "subject": 1.0, "created_at": 1.0 };
    let by_hand = IndexModel::builder().keys(keys).build();
    records.create_index(by_hand).await.expect("it runs");
    MongoStore::connect(&url).await.expect("it serves as well");
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
