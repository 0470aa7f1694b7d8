//! The indexes of subjects, and servers that evict them.

use std::time::Duration;

use auth_servers::RedisServer;
use auth_store::{OverflowPolicy, RedisStore, SignInLimit, Store};
use tracing::Level;

use crate::captured::Captured;
use crate::sign_in::{draft, sign_in};
use crate::stores::{builder, fresh};
use crate::support::many::exceed_a_limit;

/// Returns the number of entries in the only index of a server.
fn entries(server: &RedisServer) -> usize {
    let keys: Vec<String> = redis::from_redis_value(server.ask(&["KEYS", "*:u:*"])).expect("keys");
    let [index] = &keys[..] else { panic!("{keys:?}") };
    redis::from_redis_value(server.ask(&["ZCARD", index])).expect("a number")
}

/// Stores sign-ins of ada's, and deletes their records as Redis does when they have expired.
async fn expired(server: &RedisServer, store: &RedisStore, count: usize) {
    let mut connection = server.connection().expect("it runs");
    for _ in 0..count {
        let (_, record) = draft(store, Some("ada"));
        let id = record.id;
        store.create(record, None).await.expect("it runs");
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(format!("*:s:{id}")).query(&mut connection).expect("it runs");
        redis::cmd("DEL").arg(keys).exec(&mut connection).expect("it runs");
    }
}

/// Regression: only the eight oldest entries were looked at, so that an index with eight active sign-ins
/// never shrank.
#[tokio::test]
async fn sec_102_an_index_has_no_entries_without_a_record() {
    let server = RedisServer::start();
    let store = fresh(server.url()).await;
    for _ in 0..8 {
        sign_in(&store, "ada").await;
    }
    expired(&server, &store, 300).await;
    assert!(entries(&server) < 8 + 300, "creating without a limit removes some");
    assert_eq!(store.list("ada").await.expect("it runs").len(), 8);
    assert_eq!(entries(&server), 8, "listing removes them");

    expired(&server, &store, 100).await;
    let limit =
        SignInLimit { max: 10.try_into().expect("not 0"), when_full: OverflowPolicy::Reject };
    store.create(draft(&store, Some("ada")).1, Some(limit)).await.expect("it runs");
    assert_eq!(entries(&server), 9, "creating removes them");

    expired(&server, &store, 100).await;
    assert_eq!(store.update_subject("ada", &[]).await.expect("it runs"), 9);
    assert_eq!(entries(&server), 9, "an update of all removes them");
}

#[tokio::test]
async fn sec_102_a_subject_with_many_sign_ins_is_limited() {
    let server = RedisServer::start();
    let store = builder(server.url()).timeout(Duration::from_secs(10)).connect().await;
    let store = store.expect("it runs");
    let id = exceed_a_limit(&store).await;
    assert_eq!(entries(&server), 1000);
    assert_eq!(store.revoke_others("ada", &id).await.expect("it runs"), 999);
    assert_eq!(entries(&server), 1);
}

#[tokio::test]
async fn a_server_that_evicts_is_reported() {
    let server = RedisServer::with(&["--maxmemory-policy", "allkeys-lru"]);
    let captured = Captured::start();
    builder(server.url()).insecure_allow_eviction().connect().await.expect("it is allowed");
    assert_eq!(captured.count(Level::WARN), 1);
}
