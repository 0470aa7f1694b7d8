//! A change on one node reaches the cache of the other, whatever kind of change it is.

use auth_servers::{RedisCluster, RedisServer};
use auth_store::{OverflowPolicy, Secret, SignInLimit, Store};

use super::nodes::RedisNodes;
use crate::sign_in::{KIND, data, draft, rotation, secret_of_sign_in};

async fn every_change_reaches_the_cache(nodes: &RedisNodes) {
    let generation = nodes.generation();
    let secret = secret_of_sign_in(&nodes.remote, "ada").await;
    let id = secret.id();
    let leaves_the_cache = || nodes.until("it is not cached", || !nodes.is_cached(&id));

    nodes.load_until_cached(&id).await;
    nodes.remote.update(&id, 0, data("[]")).await.expect("it runs");
    leaves_the_cache().await;
    nodes.load_until_cached(&id).await;
    let digests = Secret::generate(id).expect("randomness").digests(KIND);
    let from = secret.digests(KIND).current;
    nodes.remote.rotate(&id, &from, rotation(digests)).await.expect("it runs");
    leaves_the_cache().await;
    nodes.load_until_cached(&id).await;
    nodes.remote.update_subject("ada", b"{}").await.expect("it runs");
    leaves_the_cache().await;
    nodes.load_until_cached(&id).await;
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    let evicting = draft(&nodes.remote, Some("ada")).1;
    nodes.remote.create(evicting, Some(limit)).await.expect("it runs");
    leaves_the_cache().await;
    assert!(nodes.near.load(&id).await.expect("it runs").is_none());

    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(nodes.cached_sign_in().await);
    }
    nodes.remote.revoke_subject("ada").await.expect("it runs");
    nodes.until("none is cached", || !ids.iter().any(|id| nodes.is_cached(id))).await;
    assert_eq!(nodes.generation(), generation, "no lease was lost");
}

#[tokio::test]
async fn every_change_on_one_server_reaches_the_cache() {
    let server = RedisServer::start();
    every_change_reaches_the_cache(&RedisNodes::on(server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_in_a_cluster_reaches_the_cache() {
    let cluster = RedisCluster::start();
    every_change_reaches_the_cache(&RedisNodes::on(cluster.url()).await).await;
}

/// A heartbeat needs `INFO`. Without a lease the store answers every request.
#[tokio::test]
async fn without_the_right_to_info_the_store_answers() {
    let server = RedisServer::start();
    let nodes = RedisNodes::on(server.url()).await;
    let id = nodes.cached_sign_in().await;
    let _ = server.ask(&["ACL", "SETUSER", "default", "-info"]);
    nodes.until("no beat comes back", || !nodes.has_lease()).await;
    assert!(nodes.near.load(&id).await.expect("it runs").is_some());
    assert!(!nodes.is_cached(&id));
    let _ = server.ask(&["ACL", "SETUSER", "default", "+info"]);
    nodes.recovers().await;
}
