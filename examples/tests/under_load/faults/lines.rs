//! The line of one shop to Redis is cut, or brings nothing any more in one direction. The other shop
//! goes on, so there is much to hear of that cannot be heard.

use std::time::Duration;

use auth_servers::{Held, Proxy, RedisServer};
use tokio::time::sleep;

use super::scene::Scene;
use crate::load::{Figures, Loss, alone};

/// Shops that hear know of a logout much sooner.
const HEARS: Duration = Duration::from_millis(300);

struct Line {
    proxy: Proxy,
    scene: Scene,
    _redis: RedisServer,
}

async fn line() -> Line {
    let redis = RedisServer::start();
    let proxy = Proxy::to(redis.port()).await;
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let scene = Scene::with([&redis.url(), &url]).await;
    Line { proxy, scene, _redis: redis }
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_76_connections_are_cut_again_and_again() {
    let _alone = alone().await;
    let Line { proxy, scene, _redis } = line().await;
    scene
        .goes_through(
            "connections of one shop cut, 15 times in 3 s",
            Loss::Nothing,
            async |running| {
                for _ in 0..15 {
                    proxy.cut();
                    sleep(Duration::from_millis(200)).await;
                }
                running.is_over();
            },
        )
        .await;
}

async fn half_open(name: &str, held: Held) -> Figures {
    let _alone = alone().await;
    let Line { proxy, scene, _redis } = line().await;
    let figures = scene.goes_through(name, Loss::Nothing, async |running| {
        let crowd = running.crowd(10).await;
        proxy.hold(held);
        crowd.leaves().await;
        sleep(Duration::from_secs(2)).await;
        proxy.hold(Held::default());
        running.is_over();
    });
    let figures = figures.await;
    assert!(figures.unavailable > 0);
    figures
}

/// What is published still comes through.
#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_what_a_shop_asks_does_not_arrive() {
    let held = Held { asked: true, ..Held::default() };
    half_open("line of one shop half open for 4.5 s: what it asks is held", held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_14_76_what_redis_says_to_a_shop_does_not_arrive() {
    let held = Held { answered: true, ..Held::default() };
    let name = "line of one shop half open for 4.5 s: what Redis says is held";
    let figures = half_open(name, held).await;
    assert!(figures.served_after_logout > HEARS, "it did not hear of it");
}
