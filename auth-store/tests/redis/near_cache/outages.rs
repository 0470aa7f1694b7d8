//! A server that ends, hangs, or hangs up.

use auth_servers::RedisServer;
use auth_store::{Store, StoreErrorKind};

use super::node::Nodes;

#[tokio::test]
async fn a_killed_server_takes_the_lease_with_it_and_brings_it_back() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let nodes = Nodes::on(server.url()).await;
    let (kept, ended) = (nodes.believed().await, nodes.believed().await);
    let generation = nodes.generation();
    server.kill();
    nodes.until("the lease is lost", || !nodes.has_lease()).await;
    assert!(!nodes.believes(&kept) && !nodes.believes(&ended));
    let error = nodes.here.load(&kept).await.expect_err("nobody is there");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);

    server.start_again();
    let ended = nodes.end(ended).await;
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    assert!(nodes.generation() > generation);
    nodes.learn(&kept).await;
    nodes.recovers().await;
}

#[tokio::test]
async fn a_hung_server_proves_nothing() {
    let server = RedisServer::start();
    let nodes = Nodes::on(server.url()).await;
    let sid = nodes.believed().await;
    let since = nodes.now();
    server.hang();
    assert!(nodes.believes(&sid), "for the time being");
    nodes.doubts(&sid, since).await;
    let error = nodes.here.load(&sid).await.expect_err("it hangs");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!nodes.believes(&sid));
    server.go_on();
    let ended = nodes.end(sid).await;
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.recovers().await;
}

/// What was announced before a new subscription was made was missed.
#[tokio::test]
async fn a_lost_subscription_takes_every_copy_with_it() {
    let server = RedisServer::start();
    let nodes = Nodes::on(server.url()).await;
    let (kept, ended) = (nodes.believed().await, nodes.believed().await);
    for _ in 0..3 {
        nodes.learn(&kept).await;
        let generation = nodes.generation();
        let _ = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        nodes.until("the lease is lost", || nodes.generation() > generation).await;
        assert!(!nodes.believes(&kept) && !nodes.believes(&ended));
    }
    let ended = nodes.end(ended).await;
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.learn(&kept).await;
    nodes.recovers().await;
}

/// A beat takes a write that needs no memory.
#[tokio::test]
async fn a_full_server_is_heard_of_all_the_same() {
    let server = RedisServer::start();
    let nodes = Nodes::on(server.url()).await;
    let (sid, other) = (nodes.believed().await, nodes.believed().await);
    let generation = nodes.generation();
    let _ = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let since = nodes.now();
    nodes.until("the bound is over twice", || nodes.now() > since + 2 * super::node::BOUND).await;
    assert!(nodes.believes(&sid) && nodes.believes(&other));
    let ended = nodes.end(sid).await;
    nodes.never_believes(&ended, "it is believed no more", || !nodes.believes(&sid)).await;
    assert!(nodes.believes(&other));
    assert_eq!(nodes.generation(), generation);
}
