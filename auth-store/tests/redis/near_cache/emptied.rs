//! Servers that are emptied, and warnings about servers that are away.

use auth_core::SignInId;
use auth_servers::{RedisCluster, RedisServer};
use auth_store::Store;
use tracing::Level;

use super::nodes::RedisNodes;
use crate::captured::Captured;
use crate::sign_in::draft;
use crate::support::nodes::MAX_STALENESS;

/// Regression: entries were kept for ever, because nothing announces what `FLUSHALL` removes.
async fn drops_its_entries(nodes: &RedisNodes, id: SignInId, flushed: &RedisServer) {
    let generation = nodes.generation();
    let since = nodes.now();
    let _ = flushed.ask(&["FLUSHALL"]);
    nodes.until("the sources have changed", || nodes.generation() > generation).await;
    assert!(nodes.now() - since < MAX_STALENESS, "within one beat");
    assert!(!nodes.is_cached(&id));
    nodes.until("there is a lease again", || nodes.has_lease()).await;
    assert!(!nodes.is_cached(&id));
    assert!(nodes.near.load(&id).await.expect("it runs").is_none());
    nodes.recovers().await;
}

#[tokio::test]
async fn an_emptied_server_drops_every_entry() {
    let server = RedisServer::start();
    let nodes = RedisNodes::on(server.url()).await;
    for _ in 0..2 {
        let id = nodes.cached_sign_in().await;
        drops_its_entries(&nodes, id, &server).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_emptied_server_of_a_cluster_drops_every_entry() {
    let cluster = RedisCluster::start();
    let nodes = RedisNodes::on(cluster.url()).await;
    let id = nodes.cached_sign_in().await;
    let primary = cluster.primary_of(cluster.slot(&nodes.key_base(&id)));
    drops_its_entries(&nodes, id, &cluster.servers[primary]).await;
}

/// All nodes use the routing key that is stored in Redis now.
#[tokio::test]
async fn a_node_that_starts_afterwards_finds_the_sign_ins_of_the_others() {
    let server = RedisServer::start();
    let nodes = RedisNodes::on(server.url()).await;
    let id = nodes.cached_sign_in().await;
    drops_its_entries(&nodes, id, &server).await;
    let record = draft(nodes.near.store(), Some("bob")).1;
    let id = record.id;
    nodes.near.create(record, None).await.expect("it runs");
    let later = nodes.another().await;
    assert_eq!(later.list("bob").await.expect("it runs").len(), 1);
    assert_eq!(later.revoke_subject("bob").await.expect("it runs"), 1);
    assert!(nodes.near.load(&id).await.expect("it runs").is_none());
}

/// Regression: every heartbeat and every attempt to listen logged a warning of its own.
#[tokio::test]
async fn an_outage_is_one_warning() {
    let captured = Captured::start();
    let mut server = RedisServer::with(&["--appendonly", "yes"]);
    let nodes = RedisNodes::on(server.url()).await;
    assert_eq!(captured.count(Level::WARN), 0);
    let generation = nodes.generation();
    server.kill();
    nodes.until("there were several attempts", || nodes.generation() > generation + 3).await;
    assert_eq!(captured.count(Level::WARN), 1);
    server.start_again();
    nodes.recovers().await;
    assert_eq!(captured.count(Level::WARN), 1);
}
