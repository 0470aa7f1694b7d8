//! What one node ends or changes, the other forgets.

use auth_servers::{RedisCluster, RedisServer};
use auth_store::{OverflowPolicy, Secret, SignInLimit, Store};

use super::node::Nodes;
use crate::sign_in::{KIND, data, draft, rotation, sign_in};

async fn hears_of_every_change(nodes: &Nodes) {
    let generation = nodes.generation();
    let (secret, record) = draft(&nodes.there, Some("ada"));
    let sid = record.sid;
    nodes.there.create(record, None).await.expect("it runs");
    let forgets = || nodes.until("it is forgotten", || !nodes.believes(&sid));

    nodes.learn(&sid).await;
    nodes.there.update(&sid, 0, data("[]")).await.expect("it runs");
    forgets().await;
    nodes.learn(&sid).await;
    let digests = Secret::generate(sid).expect("randomness").digests(KIND);
    let from = secret.digests(KIND).current;
    nodes.there.rotate(&sid, &from, rotation(digests)).await.expect("it runs");
    forgets().await;
    nodes.learn(&sid).await;
    nodes.there.update_subject("ada", b"{}").await.expect("it runs");
    forgets().await;
    nodes.learn(&sid).await;
    let limit =
        SignInLimit { max: 1.try_into().expect("not 0"), when_full: OverflowPolicy::EvictOldest };
    nodes.there.create(draft(&nodes.there, Some("ada")).1, Some(limit)).await.expect("it runs");
    forgets().await;
    assert!(nodes.here.load(&sid).await.expect("it runs").is_none());

    let mut sids = Vec::new();
    for _ in 0..3 {
        sids.push(nodes.believed().await);
    }
    nodes.there.revoke_subject("ada").await.expect("it runs");
    nodes.until("all are forgotten", || !sids.iter().any(|sid| nodes.believes(sid))).await;
    assert_eq!(nodes.generation(), generation, "it was told, and nothing was lost");
}

#[tokio::test]
async fn by_one_server() {
    let server = RedisServer::start();
    hears_of_every_change(&Nodes::on(server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_cluster() {
    let cluster = RedisCluster::start();
    hears_of_every_change(&Nodes::on(cluster.url()).await).await;
}

#[tokio::test]
async fn two_hundred_ends_are_heard_of() {
    let server = RedisServer::start();
    let nodes = Nodes::on(server.url()).await;
    for _ in 0..200 {
        let sid = sign_in(&nodes.there, "ada").await;
        nodes.learn(&sid).await;
        nodes.there.delete(&sid).await.expect("it runs");
        nodes.until("it is forgotten", || !nodes.believes(&sid)).await;
    }
    assert_eq!(nodes.here.stats().invalidations, 200);
}

/// Nothing is believed then, and everything is answered.
#[tokio::test]
async fn who_may_not_ask_for_info_asks_the_store() {
    let server = RedisServer::start();
    let nodes = Nodes::on(server.url()).await;
    let sid = nodes.believed().await;
    let _ = server.ask(&["ACL", "SETUSER", "default", "-info"]);
    nodes.until("no beat is heard", || !nodes.has_lease()).await;
    assert!(nodes.here.load(&sid).await.expect("it runs").is_some());
    assert!(!nodes.believes(&sid));
    let _ = server.ask(&["ACL", "SETUSER", "default", "+info"]);
    nodes.recovers().await;
}
