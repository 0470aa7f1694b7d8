//! One server that ends, hangs, is full, or lets nobody listen.

use std::time::Duration;

use auth_servers::RedisServer;
use tokio::time::sleep;

use super::scene::Scene;
use crate::load::{Loss, alone};

/// Everything is on the disk before it is acknowledged.
const KEEPS_ALL: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_redis_is_killed_and_started_again() {
    let _alone = alone().await;
    let mut redis = RedisServer::with(&KEEPS_ALL);
    let scene = Scene::at(&redis.url()).await;
    let figures =
        scene.goes_through("killed, started again after 3 s", Loss::Nothing, async |running| {
            redis.kill();
            sleep(Duration::from_secs(3)).await;
            redis.start_again();
            running.is_over();
        });
    assert!(figures.await.unavailable > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_redis_hangs_for_ten_seconds() {
    let _alone = alone().await;
    let redis = RedisServer::start();
    let scene = Scene::at(&redis.url()).await;
    let figures = scene.goes_through("paused for 10 s", Loss::Nothing, async |running| {
        redis.hang();
        sleep(Duration::from_secs(10)).await;
        redis.go_on();
        running.is_over();
    });
    assert!(figures.await.unavailable > 0);
}

/// Nobody comes in, and whoever wants to gets out.
#[tokio::test(flavor = "multi_thread")]
async fn sec_76_redis_is_full_for_three_seconds() {
    let _alone = alone().await;
    let redis = RedisServer::start();
    let scene = Scene::at(&redis.url()).await;
    let figures = scene.goes_through("`maxmemory` for 3 s", Loss::Nothing, async |running| {
        let _ = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        running.is_noticed().await;
        running.lets_out().await;
        sleep(Duration::from_secs(3)).await;
        let _ = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        running.is_over();
    });
    assert!(figures.await.unavailable > 0);
}

/// Shops that do not hear of changes ask for each request, and serve everybody.
#[tokio::test(flavor = "multi_thread")]
async fn redis_lets_nobody_listen_for_five_seconds() {
    let _alone = alone().await;
    let redis = RedisServer::start();
    let scene = Scene::at(&redis.url()).await;
    let figures =
        scene.goes_through("nobody may subscribe for 5 s", Loss::Nothing, async |running| {
            let _ = redis.ask(&["ACL", "SETUSER", "default", "-subscribe", "-ssubscribe"]);
            let _ = redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
            sleep(Duration::from_secs(5)).await;
            let _ = redis.ask(&["ACL", "SETUSER", "default", "+subscribe", "+ssubscribe"]);
            running.is_over();
        });
    figures.await.are_served();
}
