//! The faults that any store on one server can have, written once.
//!
//! The server is killed or paused, its connections are cut, or one shop's connection fails in one
//! direction while the other shop continues.

use std::time::Duration;

use auth_servers::Held;
use tokio::time::sleep;

use super::fault_test::FaultTest;
use crate::harness::Server;
use crate::load::{Figures, Loss, exclusive};

/// Kills the server and restarts it.
pub(super) async fn killed<S: Server>(name: &str) {
    let _exclusive = exclusive().await;
    let mut server = S::start();
    let test = FaultTest::new(&server.url()).await;
    let name = format!("{name}: killed, restarted after 3 s");
    let figures = test.run(&name, Loss::Nothing, async |running| {
        server.kill();
        sleep(Duration::from_secs(3)).await;
        server.restart();
        running.fault_ends();
    });
    assert!(figures.await.unavailable > 0);
}

/// Pauses the server: connections stay open and do not answer.
pub(super) async fn paused<S: Server>(name: &str, secs: u64) {
    let _exclusive = exclusive().await;
    let server = S::start();
    let test = FaultTest::new(&server.url()).await;
    let name = format!("{name}: paused for {secs} s");
    let figures = test.run(&name, Loss::Nothing, async |running| {
        server.pause();
        sleep(Duration::from_secs(secs)).await;
        server.resume();
        running.fault_ends();
    });
    assert!(figures.await.unavailable > 0);
}

/// Calls `cut` 15 times in 3 seconds.
pub(super) async fn cut_repeatedly(test: &FaultTest, name: &str, mut cut: impl FnMut()) -> Figures {
    test.run(&format!("{name}, 15 times in 3 s"), Loss::Nothing, async |running| {
        for _ in 0..15 {
            cut();
            sleep(Duration::from_millis(200)).await;
        }
        running.fault_ends();
    })
    .await
}

/// Ends all connections again and again.
pub(super) async fn disconnected<S: Server>(name: &str) {
    let _exclusive = exclusive().await;
    let server = S::start();
    let test = FaultTest::new(&server.url()).await;
    let name = format!("{name}: all connections ended");
    cut_repeatedly(&test, &name, || server.disconnect_clients()).await;
}

/// Holds one direction of one shop's connections. The connections stay open.
async fn half_open<S: Server>(name: &str, held: Held) -> Figures {
    let _exclusive = exclusive().await;
    let server = S::start();
    let (test, proxy) = FaultTest::with_proxy(&server).await;
    let figures = test.run(name, Loss::Nothing, async |running| {
        let crowd = running.crowd(10).await;
        proxy.hold(held);
        crowd.log_out().await;
        sleep(Duration::from_secs(2)).await;
        proxy.hold(Held::default());
        running.fault_ends();
    });
    let figures = figures.await;
    assert!(figures.unavailable > 0);
    figures
}

/// Holds the requests of one shop. Notifications still arrive.
pub(super) async fn requests_held<S: Server>(name: &str) -> Figures {
    let name = format!("{name}: requests of one shop held for 4.5 s");
    half_open::<S>(&name, Held { asked: true, ..Held::default() }).await
}

/// Holds the responses to one shop, and its notifications.
pub(super) async fn responses_held<S: Server>(name: &str) -> Figures {
    let name = format!("{name}: responses to one shop held for 4.5 s");
    half_open::<S>(&name, Held { answered: true, ..Held::default() }).await
}
