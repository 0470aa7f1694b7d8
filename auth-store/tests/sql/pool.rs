//! Connections that end, or bring nothing, and more steps than connections.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;
use auth_servers::{Held, MariaDbServer, PostgresServer, Proxy};
use auth_store::{MySqlStore, PostgresStore, Store, StoreErrorKind};
use tokio::task::JoinSet;

/// As many as a pool has, unless it is told otherwise.
const CONNECTIONS: usize = 10;

/// Has the pool open all of its connections.
async fn use_all(store: &Arc<dyn Store>) {
    let mut steps = JoinSet::new();
    for _ in 0..CONNECTIONS * 4 {
        let store = Arc::clone(store);
        steps.spawn(async move { store.revoke_subject("nobody").await });
    }
    let all: Result<Vec<_>, _> = steps.join_all().await.into_iter().collect();
    all.expect("the server runs");
}

/// How many of the next steps fail, one after the other.
async fn failing(store: &dyn Store) -> usize {
    let sid = store.new_id(None).expect("randomness");
    let mut failing = 0;
    for _ in 0..CONNECTIONS * 2 {
        if let Err(error) = store.load(&sid).await {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            failing += 1;
        }
    }
    failing
}

/// What the server says last is no reason to go on with the connection.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_postgresql_has_ended_cost_one_step() {
    let server = PostgresServer::start();
    let builder = PostgresStore::builder(server.url()).migrate();
    let store: Arc<dyn Store> = Arc::new(builder.connect().await.expect("it runs"));
    use_all(&store).await;
    let ended = server.ask(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    );
    assert!(ended.trim().parse::<usize>().expect("a number") > 1, "{ended}");
    assert!(failing(&*store).await <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_mariadb_has_ended_cost_one_step() {
    let server = MariaDbServer::start();
    let builder = MySqlStore::builder(server.url()).migrate();
    let store: Arc<dyn Store> = Arc::new(builder.connect().await.expect("it runs"));
    use_all(&store).await;
    let ids = server.ask(
        "SELECT id FROM information_schema.processlist \
         WHERE user = 'tests' AND id <> CONNECTION_ID()",
    );
    assert!(ids.lines().count() > 1, "{ids}");
    let kills: Vec<_> = ids.lines().map(|id| format!("KILL {id};")).collect();
    let _ = server.ask(&kills.concat());
    assert!(failing(&*store).await <= 1);
}

/// As a router that forgets a connection does: nobody is told.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_bring_nothing_any_more_cost_one_step() {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port()).await;
    let url = server.url().replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port()));
    let builder = PostgresStore::builder(url).migrate();
    let store: Arc<dyn Store> = Arc::new(builder.connect().await.expect("it runs"));
    use_all(&store).await;
    let opened = proxy.opened();
    assert!(opened > 2, "{opened}");
    proxy.hold(Held { first: opened, ..Held::default() });
    assert!(failing(&*store).await <= 1);
}

/// Whoever finds no connection waits no longer than a step may take, and the pool goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_finds_no_connection_is_unavailable_in_time() {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port()).await;
    let url = server.url().replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port()));
    let builder = PostgresStore::builder(url).migrate().max_connections(1);
    let store = Arc::new(builder.connect().await.expect("it runs"));
    let sid = store.new_id(None).expect("randomness");
    proxy.hold(Held { answered: true, ..Held::default() });
    let clock = Clock::system();
    let start = clock.monotonic();
    let (first, second) = tokio::join!(store.load(&sid), store.load(&sid));
    for error in [first, second] {
        assert_eq!(error.expect_err("it is held").kind(), StoreErrorKind::Unavailable);
    }
    let took = clock.monotonic() - start;
    assert!(took < Duration::from_millis(1900), "they wait at the same time: {took:?}");
    proxy.hold(Held::default());
    assert!(store.load(&sid).await.expect("there is a connection").is_none());
}
