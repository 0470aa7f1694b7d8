//! Servers that are emptied.

use auth_core::SignInId;
use auth_servers::{RedisCluster, RedisServer};
use auth_store::Store;
use tracing::Level;

use super::node::Nodes;
use crate::captured::Captured;

/// The fault: copies were believed for ever, as nobody announces what `FLUSHALL` takes.
async fn forgets(nodes: &Nodes, sid: SignInId, flushed: &RedisServer) {
    let generation = nodes.generation();
    let since = nodes.now();
    let _ = flushed.ask(&["FLUSHALL"]);
    nodes.until("the servers are not what they were", || nodes.generation() > generation).await;
    assert!(nodes.now() - since < super::node::BOUND, "within a beat");
    assert!(!nodes.believes(&sid));
    nodes.until("there is a lease again", || nodes.has_lease()).await;
    assert!(!nodes.believes(&sid));
    assert!(nodes.here.load(&sid).await.expect("it runs").is_none());
    nodes.recovers().await;
}

#[tokio::test]
async fn what_a_server_held_is_believed_no_more() {
    let server = RedisServer::start();
    let nodes = Nodes::on(server.url()).await;
    for _ in 0..2 {
        let sid = nodes.believed().await;
        forgets(&nodes, sid, &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_of_a_cluster_held_is_believed_no_more() {
    let cluster = RedisCluster::start();
    let nodes = Nodes::on(cluster.url()).await;
    let sid = nodes.believed().await;
    let [high, low, ..] = *sid.as_bytes();
    let slot = cluster.slot(&format!("{{{high:02x}{low:02x}}}"));
    let primary = cluster.primary_of(slot);
    forgets(&nodes, sid, &cluster.servers[primary]).await;
}

/// All nodes have the same key again that says where a subject's sign-ins are: the one in Redis.
#[tokio::test]
async fn a_node_that_starts_afterwards_finds_what_the_others_keep() {
    let server = RedisServer::start();
    let nodes = Nodes::on(server.url()).await;
    let sid = nodes.believed().await;
    forgets(&nodes, sid, &server).await;
    let here = crate::sign_in::draft(nodes.here.store(), Some("bob")).1;
    nodes.here.create(here.clone(), None).await.expect("it runs");
    let later = nodes.another().await;
    assert_eq!(later.list("bob").await.expect("it runs").len(), 1);
    assert_eq!(later.revoke_subject("bob").await.expect("it runs"), 1);
    assert!(nodes.here.load(&here.sid).await.expect("it runs").is_none());
}

/// The fault: every beat and every try to listen was a warning of its own.
#[tokio::test]
async fn a_server_that_is_away_is_one_warning() {
    let captured = Captured::start();
    let mut server = RedisServer::with(&["--appendonly", "yes"]);
    let nodes = Nodes::on(server.url()).await;
    assert_eq!(captured.count(Level::WARN), 0);
    let generation = nodes.generation();
    server.kill();
    nodes.until("it was tried again and again", || nodes.generation() > generation + 3).await;
    assert_eq!(captured.count(Level::WARN), 1);
    server.start_again();
    nodes.recovers().await;
    assert_eq!(captured.count(Level::WARN), 1);
}
