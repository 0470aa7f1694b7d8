//! Redis on one server: what any store can suffer, and the limits and permissions of Redis.

use std::time::Duration;

use auth_servers::RedisServer;
use tokio::time::sleep;

use super::fault_test::FaultTest;
use super::one_store::{cut_repeatedly, killed, paused, requests_held, responses_held};
use crate::load::{Loss, exclusive};

/// A shop that receives notifications rejects a logout much sooner.
const BY_NOTIFICATION: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_the_server_is_killed_and_restarted() {
    killed::<RedisServer>("Redis").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_the_server_is_paused() {
    paused::<RedisServer>("Redis", 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_connections_of_one_shop_are_cut_repeatedly() {
    let _exclusive = exclusive().await;
    let redis = RedisServer::start();
    let (test, proxy) = FaultTest::with_proxy(&redis).await;
    cut_repeatedly(&test, "Redis: connections of one shop cut", || proxy.cut()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_requests_of_one_shop_are_held() {
    requests_held::<RedisServer>("Redis").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_responses_to_one_shop_are_held() {
    let figures = responses_held::<RedisServer>("Redis").await;
    assert!(figures.served_after_logout > BY_NOTIFICATION, "no notification arrived");
}

/// New sign-ins fail, but logouts succeed.
#[tokio::test(flavor = "multi_thread")]
async fn sec_76_the_server_is_out_of_memory() {
    let _exclusive = exclusive().await;
    let redis = RedisServer::start();
    let test = FaultTest::new(&redis.url()).await;
    let figures = test.run("Redis: `maxmemory` for 3 s", Loss::Nothing, async |running| {
        let _ = redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
        running.until_unavailable().await;
        running.until_logout().await;
        sleep(Duration::from_secs(3)).await;
        let _ = redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
        running.fault_ends();
    });
    assert!(figures.await.unavailable > 0);
}

/// Shops without notifications read the store on every request, so all requests are served.
#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_forbidden() {
    let _exclusive = exclusive().await;
    let redis = RedisServer::start();
    let test = FaultTest::new(&redis.url()).await;
    let name = "Redis: subscriptions forbidden for 5 s";
    let figures = test.run(name, Loss::Nothing, async |running| {
        let _ = redis.ask(&["ACL", "SETUSER", "default", "-subscribe", "-ssubscribe"]);
        let _ = redis.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        sleep(Duration::from_secs(5)).await;
        let _ = redis.ask(&["ACL", "SETUSER", "default", "+subscribe", "+ssubscribe"]);
        running.fault_ends();
    });
    figures.await.assert_available();
}
