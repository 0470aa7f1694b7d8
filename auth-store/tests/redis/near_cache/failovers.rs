//! Another server becomes the primary.

use auth_servers::{RedisCluster, RedisSentinels, RedisServer};
use auth_store::Store;

use super::nodes::RedisNodes;
use crate::sign_in::sign_in;

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_follows_the_primary_that_sentinels_name() {
    let mut servers = RedisSentinels::start();
    let nodes = RedisNodes::on(servers.url()).await;
    let (kept, ended) = (nodes.cached_sign_in().await, nodes.cached_sign_in().await);
    // A step that waits for a replica also waits for everything that was written before it.
    nodes.remote.revoke_others("ada", &kept).await.expect("confirmed");
    let ended_before = nodes.end(ended).await;
    let generation = nodes.generation();
    let old = servers.primary();
    servers.servers[old].kill();
    nodes.until("the lease is lost", || !nodes.has_lease()).await;
    assert!(!nodes.is_cached(&kept));
    let ended = nodes.end(kept).await;
    assert_ne!(servers.primary(), old);
    nodes.stays_ended_until(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.stays_ended_until(&ended_before, "there is a lease", || nodes.has_lease()).await;
    assert!(nodes.generation() > generation);
    nodes.recovers().await;
}

/// The old primary goes on as one until a Sentinel reconfigures it.
#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_primary_that_comes_back_proves_nothing() {
    let servers = RedisSentinels::start();
    let nodes = RedisNodes::on(servers.url()).await;
    let id = nodes.cached_sign_in().await;
    nodes.remote.revoke_others("ada", &id).await.expect("confirmed");
    let old = servers.primary();
    servers.servers[old].hang();
    let ended = nodes.end(id).await;
    nodes.until("the Sentinels agree", || servers.agree()).await;
    servers.servers[old].go_on();
    nodes.stays_ended_until(&ended, "there is a lease again", || nodes.has_lease()).await;
    assert_ne!(servers.primary(), old);
    nodes.recovers().await;
}

/// A replica passes on what its primary publishes, but may have missed some of it.
#[tokio::test]
async fn a_primary_that_becomes_a_replica_proves_nothing() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let nodes = RedisNodes::on(server.url()).await;
    let id = nodes.cached_sign_in().await;
    let generation = nodes.generation();
    let since = nodes.now();
    let _ = server.ask(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    nodes.loses_the_lease(&id, since).await;
    nodes.until("the cache has stopped listening", || nodes.generation() > generation).await;
    assert!(!nodes.has_lease());
    let _ = server.ask(&["REPLICAOF", "NO", "ONE"]);
    nodes.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_follows_a_failover_in_a_cluster() {
    let mut cluster = RedisCluster::start();
    let nodes = RedisNodes::on(cluster.url()).await;
    let mut ids = Vec::new();
    for number in 0..30 {
        let subject = format!("user{number}");
        let id = sign_in(&nodes.remote, &subject).await;
        nodes.load_until_cached(&id).await;
        nodes.remote.revoke_others(&subject, &id).await.expect("confirmed");
        ids.push(id);
    }
    let generation = nodes.generation();
    cluster.servers[0].kill();
    nodes.until("no beat comes from one of three", || !nodes.has_lease()).await;
    assert!(!ids.iter().any(|id| nodes.is_cached(id)));
    let mut all = Vec::new();
    for id in ids {
        all.push(nodes.end(id).await);
    }
    for ended in all {
        nodes.stays_ended_until(&ended, "the replica has taken over", || nodes.has_lease()).await;
    }
    assert!(nodes.generation() > generation);
    nodes.recovers().await;
}
