//! Servers that hang, end, or lose what they held.

use std::time::Duration;

use auth_servers::RedisServer;
use auth_store::{RedisStore, Store, StoreErrorKind, conformance};

use crate::sign_in::{data, draft, sign_in};
use crate::stores::{builder, fresh};
use crate::support::outages::{survives_a_hung_server, survives_a_killed_server};

#[tokio::test]
async fn a_hung_server_is_unavailable_within_two_seconds_and_recovers() {
    let server = RedisServer::start();
    let store = fresh(server.url()).await;
    survives_a_hung_server(&server, &store).await;
}

#[tokio::test]
async fn sec_76_a_server_that_is_gone_is_never_an_answer() {
    let mut server = RedisServer::start();
    let store = fresh(server.url()).await;
    server.kill();
    conformance::check_failing(store).await.assert_passed();
}

#[tokio::test]
async fn sec_76_a_hung_server_is_never_an_answer() {
    let server = RedisServer::start();
    let quick = builder(server.url()).timeout(Duration::from_millis(100));
    let store = quick.connect().await.expect("the server runs");
    server.hang();
    conformance::check_failing(store).await.assert_passed();
}

#[tokio::test]
async fn sign_ins_outlast_a_killed_server_with_appendonly() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let store = fresh(server.url()).await;
    survives_a_killed_server(&mut server, &store).await;
}

/// The routing key is lost with the rest. A node that runs on must use the same new key as a node that
/// starts.
#[tokio::test]
async fn nodes_agree_on_the_routing_key_after_the_server_was_emptied() {
    let mut server = RedisServer::start();
    let prefix = "emptied:";
    let old = RedisStore::builder(server.url()).prefix(prefix).connect().await.expect("it runs");
    sign_in(&old, "ada").await;
    let early = draft(&old, Some("ada")).1;
    server.kill();
    server.start_again();

    let new = RedisStore::builder(server.url()).prefix(prefix).connect().await.expect("it runs");
    let first = sign_in(&new, "ada").await;
    let refused = old.create(early, None).await.expect_err("the id was made with the old key");
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    let second = sign_in(&old, "ada").await;
    for store in [&old, &new] {
        let listed: Vec<_> =
            store.list("ada").await.expect("it runs").iter().map(|record| record.id).collect();
        assert_eq!(listed.len(), 2);
        assert!(listed.contains(&first) && listed.contains(&second));
    }
    assert_eq!(new.revoke_subject("ada").await.expect("it runs"), 2);
}

#[tokio::test]
async fn scripts_that_the_server_has_lost_are_sent_again() {
    let server = RedisServer::start();
    let store = fresh(server.url()).await;
    let id = sign_in(&store, "ada").await;
    let _ = server.ask(&["SCRIPT", "FLUSH"]);
    store.update(&id, 0, data("[1]")).await.expect("the script is sent again");
    let _ = server.ask(&["SCRIPT", "FLUSH"]);
    assert!(store.delete(&id).await.expect("the script is sent again"));
}
