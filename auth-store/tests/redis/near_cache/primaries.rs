//! Primaries that are followed by others.

use auth_servers::{RedisCluster, RedisSentinels, RedisServer};
use auth_store::Store;

use super::node::Nodes;

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_name_another_primary() {
    let mut servers = RedisSentinels::start();
    let nodes = Nodes::on(servers.url()).await;
    let (kept, ended) = (nodes.believed().await, nodes.believed().await);
    // Whoever waits for a replica waits for everything that came before.
    nodes.there.revoke_others("ada", &kept).await.expect("confirmed");
    let ended_too = nodes.end(ended).await;
    let generation = nodes.generation();
    let old = servers.primary();
    servers.servers[old].kill();
    nodes.until("the lease is lost", || !nodes.has_lease()).await;
    assert!(!nodes.believes(&kept));
    let ended = nodes.end(kept).await;
    assert_ne!(servers.primary(), old);
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.never_believes(&ended_too, "there is a lease", || nodes.has_lease()).await;
    assert!(nodes.generation() > generation);
    nodes.recovers().await;
}

/// The old primary goes on as if nothing had happened until it is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_hangs_is_replaced_and_comes_back() {
    let servers = RedisSentinels::start();
    let nodes = Nodes::on(servers.url()).await;
    let sid = nodes.believed().await;
    nodes.there.revoke_others("ada", &sid).await.expect("confirmed");
    let old = servers.primary();
    servers.servers[old].hang();
    let ended = nodes.end(sid).await;
    nodes.until("the Sentinels agree", || servers.agree()).await;
    servers.servers[old].go_on();
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    assert_ne!(servers.primary(), old);
    nodes.recovers().await;
}

/// A replica passes on what its primary publishes, but may have missed some of it.
#[tokio::test]
async fn a_primary_that_becomes_a_replica_proves_nothing() {
    let (server, other) = (RedisServer::start(), RedisServer::start());
    let nodes = Nodes::on(server.url()).await;
    let sid = nodes.believed().await;
    let generation = nodes.generation();
    let since = nodes.now();
    let _ = server.ask(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]);
    nodes.doubts(&sid, since).await;
    nodes.until("it listens in vain", || nodes.generation() > generation).await;
    assert!(!nodes.has_lease());
    let _ = server.ask(&["REPLICAOF", "NO", "ONE"]);
    nodes.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_of_a_cluster_is_followed_by_its_replica() {
    let mut cluster = RedisCluster::start();
    let nodes = Nodes::on(cluster.url()).await;
    let mut sids = Vec::new();
    for number in 0..30 {
        let subject = format!("user{number}");
        let sid = crate::sign_in::sign_in(&nodes.there, &subject).await;
        nodes.learn(&sid).await;
        nodes.there.revoke_others(&subject, &sid).await.expect("confirmed");
        sids.push(sid);
    }
    let generation = nodes.generation();
    cluster.servers[0].kill();
    nodes.until("one of three is not heard", || !nodes.has_lease()).await;
    assert!(!sids.iter().any(|sid| nodes.believes(sid)));
    let mut all = Vec::new();
    for sid in sids {
        all.push(nodes.end(sid).await);
    }
    for ended in all {
        nodes.never_believes(&ended, "the replica has taken over", || nodes.has_lease()).await;
    }
    assert!(nodes.generation() > generation);
    nodes.recovers().await;
}
