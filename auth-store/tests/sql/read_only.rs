//! Servers that accept no writes: standbys, and primaries that were demoted.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_servers::{MariaDbServer, PostgresServer, Proxy, TestServer};
use auth_store::{MySqlStore, PostgresStore, SqlSetupError, Store, StoreErrorKind};

use crate::pool::open_all;
use crate::sign_in::sign_in;
use crate::support::outages::recovers;

#[tokio::test(flavor = "multi_thread")]
async fn sec_98_a_standby_is_refused_and_a_demoted_server_is_not_believed() {
    let mut server = PostgresServer::start();
    let builder = || PostgresStore::builder(server.url());
    let store = builder().migrate().connect().await.expect("it runs");
    let id = sign_in(&store, "ada").await;
    let builder = builder();

    server.kill();
    server.demote();
    server.start_again();
    for _ in 0..5 {
        let error = store.load(&id).await.expect_err("a standby may be behind");
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
    let error = builder.clone().connect().await.expect_err("it is a standby");
    assert!(matches!(error, SqlSetupError::ReadOnly), "{error:?}");
    let error = builder.clone().migrate().connect().await.expect_err("it is a standby");
    assert!(matches!(error, SqlSetupError::ReadOnly), "{error:?}");

    assert_eq!(server.ask("SELECT pg_promote()"), "t");
    recovers(&store, Duration::from_secs(10)).await;
    assert!(store.load(&id).await.expect("it runs").is_some());
    builder.connect().await.expect("it is the primary");
}

/// The connections stay open, unlike when PostgreSQL becomes a standby.
#[tokio::test(flavor = "multi_thread")]
async fn sec_98_connections_to_a_server_that_became_read_only_are_not_believed() {
    let server = MariaDbServer::start();
    let builder = MySqlStore::builder(server.url()).migrate();
    let store = builder.clone().connect().await.expect("it runs");
    let id = sign_in(&store, "ada").await;
    let _ = server.ask("SET GLOBAL read_only = 1");
    let clock = Clock::system();
    let start = clock.monotonic();
    while store.load(&id).await.is_ok() {
        assert!(clock.monotonic() - start < Duration::from_secs(5), "it is still believed");
    }
    assert_eq!(store.load(&id).await.expect_err("read-only").kind(), StoreErrorKind::Unavailable);
    let error = builder.connect().await.expect_err("it is read-only");
    assert!(matches!(error, SqlSetupError::ReadOnly), "{error:?}");
    let _ = server.ask("SET GLOBAL read_only = 0");
    recovers(&store, Duration::from_secs(5)).await;
    assert!(store.load(&id).await.expect("it runs").is_some());
}

/// A database can be made read-only for its users.
#[tokio::test(flavor = "multi_thread")]
async fn sec_98_a_read_only_database_is_refused() {
    let server = PostgresServer::start();
    let database = server.new_database();
    let builder = PostgresStore::builder(server.url_of(&database)).migrate();
    builder.clone().connect().await.expect("it runs");
    let _ =
        server.ask(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on"));
    let error = builder.connect().await.expect_err("it is read-only");
    assert!(matches!(error, SqlSetupError::ReadOnly), "{error:?}");
}

/// The address of the database leads to another server, but the former primary still runs.
#[tokio::test(flavor = "multi_thread")]
async fn sec_98_connections_to_a_former_primary_are_replaced() {
    let (former, new) = (PostgresServer::start(), PostgresServer::start());
    PostgresStore::builder(new.url()).migrate().connect().await.expect("it runs");
    let proxy = Proxy::to(former.port()).await;
    let builder = PostgresStore::builder(former.url_through(&proxy)).migrate();
    let store: Arc<dyn Store> = Arc::new(builder.connect().await.expect("it runs"));
    let id = sign_in(&*store, "ada").await;
    assert!(store.load(&id).await.expect("it runs").is_some());

    proxy.lead_to(new.port());
    open_all(&store).await; // which needs more connections
    for _ in 0..20 {
        let found = store.load(&id).await.expect("it runs");
        assert!(found.is_none(), "the new primary does not know it");
    }
}
