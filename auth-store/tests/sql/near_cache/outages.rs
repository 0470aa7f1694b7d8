//! A server that ends, hangs, or hangs up.

use auth_servers::PostgresServer;
use auth_store::{Store, StoreErrorKind};

use super::node::{BOUND, Nodes};

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_ends_are_heard_of() {
    let server = PostgresServer::start();
    let nodes = Nodes::by(server.url(), server.url()).await;
    let generation = nodes.generation();
    for _ in 0..200 {
        let sid = nodes.believed().await;
        assert!(nodes.there.delete(&sid).await.expect("it runs"));
        nodes.until("it is forgotten", || !nodes.believes(&sid)).await;
    }
    assert_eq!(nodes.here.stats().invalidations, 200);
    assert_eq!(nodes.generation(), generation, "it was told, and nothing was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_takes_the_lease_with_it_and_brings_it_back() {
    let mut server = PostgresServer::start();
    let nodes = Nodes::by(server.url(), server.url()).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_proves_nothing() {
    let server = PostgresServer::start();
    let nodes = Nodes::by(server.url(), server.url()).await;
    let sid = nodes.believed().await;
    let since = nodes.now();
    server.hang();
    assert!(nodes.believes(&sid), "for the time being");
    nodes.until("the bound is over", || nodes.now() > since + BOUND).await;
    assert!(!nodes.believes(&sid) && !nodes.has_lease());
    let error = nodes.here.load(&sid).await.expect_err("it hangs");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    server.go_on();
    let ended = nodes.end(sid).await;
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.recovers().await;
}

/// What was announced before it listens again was missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_listener_takes_every_copy_with_it() {
    let server = PostgresServer::start();
    let nodes = Nodes::by(server.url(), server.url()).await;
    let (kept, ended) = (nodes.believed().await, nodes.believed().await);
    for _ in 0..3 {
        nodes.learn(&kept).await;
        let generation = nodes.generation();
        let _ = server.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'",
        );
        nodes.until("the lease is lost", || nodes.generation() > generation).await;
        assert!(!nodes.believes(&kept) && !nodes.believes(&ended));
    }
    let ended = nodes.end(ended).await;
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.recovers().await;
}
