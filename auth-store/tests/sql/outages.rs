//! Servers that hang or are killed, and connections that break.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_servers::{Held, MariaDbServer, PostgresServer, Proxy, until};
use auth_store::{
    MySqlStore, OverflowPolicy, PostgresStore, SignInLimit, Store, StoreErrorKind, conformance,
};

use crate::sign_in::{draft, sign_in};
use crate::stores::through;
use crate::support::outages::{recovers, survives_a_hung_server, survives_a_killed_server};

macro_rules! on {
    ($database:ident, $server:ident, $store:ident) => {
        mod $database {
            use super::*;

            async fn store(url: String) -> $store {
                $store::builder(url).migrate().connect().await.expect("the server runs")
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn a_hung_server_is_unavailable_within_two_seconds_and_recovers() {
                let server = $server::start();
                let store = store(server.url()).await;
                survives_a_hung_server(&server, &store).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_a_server_that_is_gone_is_never_an_answer() {
                let mut server = $server::start();
                let store = store(server.url()).await;
                server.kill();
                conformance::check_failing(store).await.assert_passed();
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sec_76_a_hung_server_is_never_an_answer() {
                let server = $server::start();
                let _made = store(server.url()).await;
                let quick = $store::builder(server.url()).timeout(Duration::from_millis(200));
                let store = quick.connect().await.expect("the server runs");
                server.hang();
                conformance::check_failing(store).await.assert_passed();
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sign_ins_outlast_a_killed_server() {
                let mut server = $server::start();
                let store = store(server.url()).await;
                survives_a_killed_server(&mut server, &store).await;
            }

            /// The operation is not retried, because it may have succeeded.
            #[tokio::test(flavor = "multi_thread")]
            async fn a_lost_answer_fails_one_operation_as_unavailable() {
                let server = $server::start();
                let proxy = Proxy::to(server.port()).await;
                let url = through(&proxy, server.port(), &server.url());
                let store = store(url).await;
                let id = sign_in(&store, "ada").await;
                store.delete(&store.new_id(None).expect("randomness")).await.expect("it runs");
                proxy.lose(1);
                let error = store.delete(&id).await.expect_err("the answer is lost");
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                assert_eq!(proxy.left(), 0);
                assert!(store.load(&id).await.expect("on a new connection").is_none());
            }

            /// A cancelled operation leaves no connection in an unknown state, and no lock.
            #[tokio::test(flavor = "multi_thread")]
            async fn a_cancelled_operation_leaves_nothing_behind() {
                let server = $server::start();
                let proxy = Proxy::to(server.port()).await;
                let url = through(&proxy, server.port(), &server.url());
                let there = Arc::new(store(url).await);
                let id = sign_in(&*there, "ada").await;
                let limit = SignInLimit {
                    max: 5.try_into().expect("not 0"),
                    when_full: OverflowPolicy::EvictOldest,
                };
                proxy.hold(Held { answered: true, ..Held::default() });
                let error = there.create(draft(&*there, Some("ada")).1, Some(limit)).await;
                assert_eq!(
                    error.expect_err("the answer is held back").kind(),
                    StoreErrorKind::Unavailable
                );
                proxy.cut();
                proxy.hold(Held::default());

                let here = store(server.url()).await;
                recovers(&*there, Duration::from_secs(5)).await;
                for store in [&here, &*there] {
                    store.create(draft(store, Some("ada")).1, Some(limit)).await.expect("no lock");
                    assert!(store.load(&id).await.expect("it runs").is_some());
                }
                let left = here.list("ada").await.expect("it runs").len();
                assert!(
                    left == 3 || left == 4,
                    "the cancelled operation may have succeeded: {left}"
                );
            }
        }
    };
}

on!(mariadb, MariaDbServer, MySqlStore);
on!(postgres, PostgresServer, PostgresStore);

/// A node that freezes within a sign-in keeps its connection but loses its lock.
macro_rules! a_frozen_node_does_not_block_others {
    ($database:ident, $server:ident, $store:ident, $in_transaction:literal) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $database() {
            let server = $server::start();
            let proxy = Proxy::to(server.port()).await;
            let proxied = through(&proxy, server.port(), &server.url());
            let open = async |url: String| {
                let builder = $store::builder(url).migrate();
                Arc::new(builder.connect().await.expect("the server runs"))
            };
            let (frozen, here) = (open(proxied).await, open(server.url()).await);
            sign_in(&*frozen, "ada").await;
            let limit = SignInLimit {
                max: 5.try_into().expect("not 0"),
                when_full: OverflowPolicy::EvictOldest,
            };
            proxy.hold(Held { answered: true, ..Held::default() });
            let operation = {
                let (store, record) = (Arc::clone(&frozen), draft(&*frozen, Some("ada")).1);
                tokio::spawn(async move { store.create(record, Some(limit)).await })
            };
            until("the node is in a transaction", || {
                (server.ask($in_transaction).trim() == "1").then_some(())
            });
            // From now on, the server does not notice that the connection was closed.
            proxy.hold(Held { asked: true, answered: true, first: 0 });
            operation.await.expect("the task ends").expect_err("the node is frozen");

            let clock = Clock::system();
            let start = clock.monotonic();
            while let Err(error) = here.create(draft(&*here, Some("ada")).1, Some(limit)).await {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                assert!(clock.monotonic() - start < Duration::from_secs(5), "still {error:?}");
            }
        }
    };
}

mod a_frozen_node_does_not_block_others {
    use super::*;

    a_frozen_node_does_not_block_others!(
        mariadb,
        MariaDbServer,
        MySqlStore,
        "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_rows_locked > 0"
    );
    a_frozen_node_does_not_block_others!(
        postgres,
        PostgresServer,
        PostgresStore,
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    );
}
