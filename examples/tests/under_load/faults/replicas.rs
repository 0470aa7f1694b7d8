//! Replicas that take over, and slots that move.

use auth_servers::{RedisCluster, RedisSentinels};

use super::scene::Scene;
use crate::load::{Loss, alone};

/// What has ended was confirmed by a replica; additions to a cart were not.
#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_the_primary_is_killed_and_sentinel_names_another() {
    let _alone = alone().await;
    let mut servers = RedisSentinels::start();
    let scene = Scene::at(&servers.url()).await;
    let figures =
        scene.goes_through("Sentinel: primary killed", Loss::Unconfirmed, async |running| {
            let old = servers.primary();
            servers.servers[old].kill();
            running.is_over();
            running.is_noticed().await;
        });
    assert!(figures.await.unavailable > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_a_primary_of_a_cluster_is_killed_and_its_replica_follows() {
    let _alone = alone().await;
    let mut cluster = RedisCluster::start();
    let scene = Scene::at(&cluster.url()).await;
    let figures =
        scene.goes_through("Cluster: primary killed", Loss::Unconfirmed, async |running| {
            cluster.servers[0].kill();
            running.is_over();
            running.is_noticed().await;
        });
    assert!(figures.await.unavailable > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_move_while_they_are_in_use() {
    const MOST: usize = 12;
    let _alone = alone().await;
    let cluster = RedisCluster::start();
    let scene = Scene::at(&cluster.url()).await;
    let mut moved = 0;
    scene
        .goes_through("Cluster: slots moved", Loss::Nothing, async |running| {
            for slot in cluster.slots_in_use(0).into_iter().take(MOST) {
                cluster.move_slot(slot, 0, 1);
                moved += 1;
            }
            running.is_over();
        })
        .await;
    assert!(moved > 0);
}
