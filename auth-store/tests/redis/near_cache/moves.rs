//! Slots that move from one server of a cluster to another.

use auth_core::SignInId;
use auth_servers::RedisCluster;

use super::node::Nodes;
use crate::sign_in::sign_in;

/// The slot of a sign-in.
fn slot(cluster: &RedisCluster, sid: &SignInId) -> u16 {
    let [high, low, ..] = *sid.as_bytes();
    cluster.slot(&format!("{{{high:02x}{low:02x}}}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_is_heard_of_from_where_it_is() {
    let cluster = RedisCluster::start();
    let nodes = Nodes::on(cluster.url()).await;
    let generation = nodes.generation();
    for number in 0..3 {
        let sid = sign_in(&nodes.there, &format!("user{number}")).await;
        nodes.learn(&sid).await;
        let slot = slot(&cluster, &sid);
        let from = cluster.primary_of(slot);
        cluster.move_slot(slot, from, (from + 1) % 3);
        let ended = nodes.end(sid).await;
        nodes.never_believes(&ended, "there is a lease", || nodes.has_lease()).await;
    }
    assert_eq!(nodes.generation(), generation, "they are the same sources");
    nodes.recovers().await;
}

/// A server that had no slots was no source: what was written there first was not heard.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_joins_is_listened_to_before_anything_is_believed() {
    let mut cluster = RedisCluster::start();
    let nodes = Nodes::on(cluster.url()).await;
    let sid = nodes.believed().await;
    let generation = nodes.generation();
    let joined = cluster.join();
    assert!(nodes.has_lease(), "it has nothing yet");

    let slot = slot(&cluster, &sid);
    let from = cluster.primary_of(slot);
    let since = nodes.now();
    cluster.begin_move(slot, from, joined);
    nodes.doubts(&sid, since).await;
    cluster.move_slot(slot, from, joined);
    let ended = nodes.end(sid).await;
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    assert!(nodes.generation() > generation);
    nodes.recovers().await;
}
