//! PostgreSQL, which notifies shops of changes, and MariaDB, which does not.

use auth_servers::{MariaDbServer, PostgresServer};

use super::fault_test::FaultTest;
use super::one_store::{cut_repeatedly, disconnected, killed, paused, responses_held};
use crate::load::exclusive;

macro_rules! faults_of {
    ($module:ident, $server:ident, $name:literal) => {
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_the_server_is_killed_and_restarted() {
                killed::<$server>($name).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_the_server_is_paused() {
                paused::<$server>($name, 5).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_all_connections_end_repeatedly() {
                disconnected::<$server>($name).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_14_76_responses_to_one_shop_are_held() {
                responses_held::<$server>($name).await;
            }
        }
    };
}

faults_of!(postgres, PostgresServer, "PostgreSQL");
faults_of!(mariadb, MariaDbServer, "MariaDB");

/// Shops without notifications read the store on every request, so all requests are served.
#[tokio::test(flavor = "multi_thread")]
async fn sec_14_the_listening_connections_of_postgres_end_repeatedly() {
    const LISTENERS: &str =
        "select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen%'";
    let _exclusive = exclusive().await;
    let server = PostgresServer::start();
    let test = FaultTest::new(&server.url()).await;
    let mut ended = 0;
    let figures = cut_repeatedly(&test, "PostgreSQL: listening connections ended", || {
        ended += server.ask(LISTENERS).lines().count();
    });
    assert_eq!(figures.await.unavailable, 0);
    assert!(ended >= 15, "{ended}");
}
