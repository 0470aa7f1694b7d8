//! Connections that close or stop answering, and more operations than connections.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_servers::{Held, MariaDbServer, PostgresServer, Proxy};
use auth_store::{MySqlStore, PostgresStore, SqlSetupError, Store, StoreErrorKind};
use tokio::task::JoinSet;

use crate::stores::through;

/// The default of `max_connections`.
const CONNECTIONS: usize = 10;

/// Makes the pool open all of its connections.
pub(crate) async fn open_all(store: &Arc<dyn Store>) {
    let mut operations = JoinSet::new();
    for _ in 0..CONNECTIONS * 4 {
        let store = Arc::clone(store);
        operations.spawn(async move { store.revoke_subject("eve").await });
    }
    let all: Result<Vec<_>, _> = operations.join_all().await.into_iter().collect();
    all.expect("the server runs");
}

/// Makes the pool of a new store open all of its connections, and returns the store.
async fn with_all_open<S: Store>(
    connecting: impl Future<Output = Result<S, SqlSetupError>>,
) -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(connecting.await.expect("the server runs"));
    open_all(&store).await;
    store
}

/// Starts a server and a proxy in front of it. Returns both, and the URL through the proxy.
async fn postgres_behind_a_proxy() -> (PostgresServer, Proxy, String) {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port()).await;
    let url = through(&proxy, server.port(), &server.url());
    (server, proxy, url)
}

/// Runs several operations one after the other, and returns how many fail.
async fn count_failures(store: &dyn Store) -> usize {
    let id = store.new_id(None).expect("randomness");
    let mut failures = 0;
    for _ in 0..CONNECTIONS * 2 {
        if let Err(error) = store.load(&id).await {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            failures += 1;
        }
    }
    failures
}

/// The last message of the server is an error, but the connection must not be used after it.
#[tokio::test(flavor = "multi_thread")]
async fn connections_closed_by_postgresql_fail_at_most_one_operation() {
    let server = PostgresServer::start();
    let store = with_all_open(PostgresStore::builder(server.url()).migrate().connect()).await;
    let ended = server.ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    assert!(ended.trim().parse::<usize>().expect("a number") > 1, "{ended}");
    assert!(count_failures(&*store).await <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_closed_by_mariadb_fail_at_most_one_operation() {
    let server = MariaDbServer::start();
    let store = with_all_open(MySqlStore::builder(server.url()).migrate().connect()).await;
    let ids = server.ask(
        "SELECT id FROM information_schema.processlist \
         WHERE user = 'tests' AND id <> CONNECTION_ID()",
    );
    assert!(ids.lines().count() > 1, "{ids}");
    let kills: Vec<_> = ids.lines().map(|id| format!("KILL {id};")).collect();
    let _ = server.ask(&kills.concat());
    assert!(count_failures(&*store).await <= 1);
}

/// The connections stay open but carry nothing, as with a router that has dropped their state.
#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_fail_at_most_one_operation() {
    let (_server, proxy, url) = postgres_behind_a_proxy().await;
    let store = with_all_open(PostgresStore::builder(url).migrate().connect()).await;
    let opened = proxy.opened();
    assert!(opened > 2, "{opened}");
    proxy.hold(Held { first: opened, ..Held::default() });
    assert!(count_failures(&*store).await <= 1);
}

/// The wait for a connection counts towards the timeout, and the pool recovers.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_without_a_connection_times_out() {
    let (_server, proxy, url) = postgres_behind_a_proxy().await;
    let builder = PostgresStore::builder(url).migrate().max_connections(1);
    let store = Arc::new(builder.connect().await.expect("it runs"));
    let id = store.new_id(None).expect("randomness");
    proxy.hold(Held { answered: true, ..Held::default() });
    let clock = Clock::system();
    let start = clock.monotonic();
    let (first, second) = tokio::join!(store.load(&id), store.load(&id));
    for error in [first, second] {
        assert_eq!(error.expect_err("the answer is held back").kind(), StoreErrorKind::Unavailable);
    }
    let took = clock.monotonic() - start;
    assert!(took < Duration::from_millis(1900), "both waited at the same time: {took:?}");
    proxy.hold(Held::default());
    assert!(store.load(&id).await.expect("the pool has recovered").is_none());
}
