//! Redis Sentinel and Redis Cluster: a primary is killed and a replica takes over, or slots move.

use auth_servers::{RedisCluster, RedisSentinels};

use super::fault_test::FaultTest;
use crate::load::{Loss, Running, exclusive};

/// Kills a primary, and waits until the load notices. A replica has confirmed what was ended, but not
/// additions to a cart, so the last of those may be lost.
async fn primary_killed(store: &str, name: &str, kill: impl FnOnce()) {
    let test = FaultTest::new(store).await;
    let name = format!("{name}: primary killed");
    let figures = test.run(&name, Loss::Unconfirmed, async |running: &Running| {
        kill();
        running.fault_ends();
        running.until_unavailable().await;
    });
    assert!(figures.await.unavailable > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_sentinel_replaces_a_killed_primary() {
    let _exclusive = exclusive().await;
    let mut sentinels = RedisSentinels::start();
    primary_killed(&sentinels.url(), "Sentinel", || {
        let primary = sentinels.primary();
        sentinels.servers[primary].kill();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_a_replica_replaces_a_killed_primary_of_a_cluster() {
    let _exclusive = exclusive().await;
    let mut cluster = RedisCluster::start();
    primary_killed(&cluster.url(), "Cluster", || cluster.servers[0].kill()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_in_use_move_to_another_primary() {
    const MAX_SLOTS: usize = 12;
    let _exclusive = exclusive().await;
    let cluster = RedisCluster::start();
    let test = FaultTest::new(&cluster.url()).await;
    let mut moved = 0;
    test.run("Cluster: slots moved", Loss::Nothing, async |running| {
        for slot in cluster.slots_in_use(0).into_iter().take(MAX_SLOTS) {
            cluster.move_slot(slot, 0, 1);
            moved += 1;
        }
        running.fault_ends();
    })
    .await;
    assert!(moved > 0);
}
