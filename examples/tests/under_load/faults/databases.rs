//! A database that ends, hangs or hangs up, and lines to it that bring nothing any more.

use std::time::Duration;

use auth_servers::{Held, MariaDbServer, PostgresServer, Proxy};
use tokio::time::sleep;

use super::scene::Scene;
use crate::harness::Database;
use crate::load::{Loss, alone};

async fn is_killed<D: Database>(name: &str) {
    let _alone = alone().await;
    let mut database = D::start();
    let scene = Scene::at(&database.url()).await;
    let name = format!("{name}: killed, started again after 3 s");
    let figures = scene.goes_through(&name, Loss::Nothing, async |running| {
        database.kill();
        sleep(Duration::from_secs(3)).await;
        database.start_again();
        running.is_over();
    });
    assert!(figures.await.unavailable > 0);
}

async fn hangs<D: Database>(name: &str) {
    let _alone = alone().await;
    let database = D::start();
    let scene = Scene::at(&database.url()).await;
    let name = format!("{name}: paused for 5 s");
    let figures = scene.goes_through(&name, Loss::Nothing, async |running| {
        database.hang();
        sleep(Duration::from_secs(5)).await;
        database.go_on();
        running.is_over();
    });
    assert!(figures.await.unavailable > 0);
}

async fn hangs_up<D: Database>(name: &str) {
    let _alone = alone().await;
    let database = D::start();
    let scene = Scene::at(&database.url()).await;
    let name = format!("{name}: all connections ended, 15 times in 3 s");
    scene
        .goes_through(&name, Loss::Nothing, async |running| {
            for _ in 0..15 {
                database.hang_up();
                sleep(Duration::from_millis(200)).await;
            }
            running.is_over();
        })
        .await;
}

/// One shop does not hear what the database says. The other goes on.
async fn is_not_heard<D: Database>(name: &str) {
    let _alone = alone().await;
    let database = D::start();
    let proxy = Proxy::to(database.port()).await;
    let port = |port: u16| format!(":{port}/");
    let url = database.url().replace(&port(database.port()), &port(proxy.port()));
    let scene = Scene::with([&database.url(), &url]).await;
    let name =
        format!("{name}: line of one shop half open for 4.5 s: what the database says is held");
    let figures = scene.goes_through(&name, Loss::Nothing, async |running| {
        let crowd = running.crowd(10).await;
        proxy.hold(Held { answered: true, ..Held::default() });
        crowd.leaves().await;
        sleep(Duration::from_secs(2)).await;
        proxy.hold(Held::default());
        running.is_over();
    });
    assert!(figures.await.unavailable > 0);
}

macro_rules! on {
    ($name:ident, $server:ident, $called:literal) => {
        mod $name {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_it_is_killed_and_started_again() {
                is_killed::<$server>($called).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_it_hangs_for_five_seconds() {
                hangs::<$server>($called).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_it_ends_all_connections_again_and_again() {
                hangs_up::<$server>($called).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_14_76_what_it_says_to_a_shop_does_not_arrive() {
                is_not_heard::<$server>($called).await;
            }
        }
    };
}

on!(postgres, PostgresServer, "PostgreSQL");
on!(mariadb, MariaDbServer, "MariaDB");

/// Shops that do not hear of changes ask for each request, and serve everybody.
#[tokio::test(flavor = "multi_thread")]
async fn sec_14_postgres_lets_nobody_listen_for_long() {
    const LISTENERS: &str =
        "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'";
    let _alone = alone().await;
    let server = PostgresServer::start();
    let scene = Scene::at(&server.url()).await;
    let mut ended = 0;
    let figures = scene.goes_through(
        "PostgreSQL: listening connections ended, 15 times in 3 s",
        Loss::Nothing,
        async |running| {
            for _ in 0..15 {
                ended += server.ask(LISTENERS).lines().count();
                sleep(Duration::from_millis(200)).await;
            }
            running.is_over();
        },
    );
    assert_eq!(figures.await.unavailable, 0);
    assert!(ended >= 15, "{ended}");
}
