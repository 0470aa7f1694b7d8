//! Operations that conflict with each other.

use std::sync::Arc;
use std::time::Duration;

use auth_servers::{MariaDbServer, PostgresServer};
use auth_store::{
    MySqlStore, OverflowPolicy, PostgresStore, SignInLimit, SqliteStore, Store, StoreErrorKind,
};

use crate::sign_in::{draft, sign_in};
use crate::stores::{MARIADB, POSTGRES, sqlite};

const LIMIT: SignInLimit = SignInLimit {
    max: std::num::NonZeroU32::new(5).expect("not 0"),
    when_full: OverflowPolicy::EvictOldest,
};

/// Makes the server fail the next inserts, as it does to break a deadlock.
fn fail_inserts_in_postgres(server: &PostgresServer, database: &str, times: u32, code: &str) {
    let _ = server.ask_in(
        database,
        &format!(
            "CREATE SEQUENCE tries;
             CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
               IF nextval('tries') <= {times} THEN RAISE EXCEPTION USING ERRCODE = '{code}'; END IF;
               RETURN NEW;
             END $$;
             CREATE TRIGGER undo BEFORE INSERT ON auth_sign_ins
             FOR EACH ROW EXECUTE FUNCTION undo();"
        ),
    );
}

fn fail_inserts_in_mariadb(server: &MariaDbServer, database: &str, times: u32, number: u32) {
    let _ = server.ask_in(
        database,
        &format!(
            "CREATE SEQUENCE tries;
             DELIMITER //
             CREATE TRIGGER undone BEFORE INSERT ON auth_sign_ins FOR EACH ROW BEGIN
               IF NEXTVAL(tries) <= {times} THEN
                 SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = {number};
               END IF;
             END//"
        ),
    );
}

/// Checks that a sign-in is retried within its timeout, and created once.
async fn assert_retried(store: &dyn Store) {
    for limit in [None, Some(LIMIT)] {
        let record = draft(store, Some("ada")).1;
        store.create(record.clone(), limit).await.expect("the third attempt succeeds");
        assert!(store.load(&record.id).await.expect("it runs").is_some());
    }
    assert_eq!(store.list("ada").await.expect("it runs").len(), 2);
}

/// Checks that a sign-in is not retried for ever.
async fn assert_given_up(store: &dyn Store) {
    let error = store
        .create(draft(store, Some("ada")).1, Some(LIMIT))
        .await
        .expect_err("every attempt fails");
    assert_eq!(error.kind(), StoreErrorKind::Contended);
    assert!(store.list("ada").await.expect("it runs").is_empty());
}

/// Returns a store in PostgreSQL that fails to insert this many times.
async fn failing_in_postgres(times: u32, code: &str) -> PostgresStore {
    let database = POSTGRES.new_database();
    let builder = PostgresStore::builder(POSTGRES.url_of(&database)).migrate();
    let store = builder.connect().await.expect("it runs");
    fail_inserts_in_postgres(&POSTGRES, &database, times, code);
    store
}

/// Returns a store in MariaDB that fails to insert this many times.
async fn failing_in_mariadb(times: u32, number: u32) -> MySqlStore {
    let database = MARIADB.new_database();
    let builder = MySqlStore::builder(MARIADB.url_of(&database)).migrate();
    let store = builder.connect().await.expect("it runs");
    fail_inserts_in_mariadb(&MARIADB, &database, times, number);
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_in_postgresql_are_retried() {
    for code in ["40P01", "40001"] {
        assert_retried(&failing_in_postgres(2, code).await).await;
    }
    assert_given_up(&failing_in_postgres(1000, "40P01").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_in_mariadb_are_retried() {
    for number in [1213, 1205] {
        assert_retried(&failing_in_mariadb(2, number).await).await;
    }
    assert_given_up(&failing_in_mariadb(1000, 1213).await).await;
}

/// Two stores on one file, like two processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_one_file_wait_for_each_other() {
    let url = sqlite();
    let timeout = Duration::from_secs(20);
    let node = || SqliteStore::builder(url.clone()).migrate().timeout(timeout).connect();
    let stores = [node().await, node().await].map(|store| Arc::new(store.expect("it opens")));
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let store = Arc::clone(&stores[number % 2]);
        tasks.spawn(async move {
            let record = draft(&*store, Some("ada")).1;
            store.create(record, Some(LIMIT)).await.map(|_| ())
        });
    }
    let created: Result<Vec<_>, _> = tasks.join_all().await.into_iter().collect();
    created.expect("each writer waits for its turn");
    assert_eq!(stores[0].list("ada").await.expect("it runs").len(), 5);
}

/// Runs operations that lock the same sign-ins in different orders, with an occasional real deadlock.
async fn concurrent_operations_on_a_subject_succeed(store: Arc<dyn Store>) {
    for _ in 0..10 {
        for _ in 0..8 {
            sign_in(&*store, "ada").await;
        }
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                match number % 4 {
                    0 => store.revoke_subject("ada").await,
                    1 => store.update_subject("ada", b"{}").await,
                    2 => store.create(draft(&*store, Some("ada")).1, Some(LIMIT)).await.map(|_| 0),
                    _ => store.sweep(crate::sign_in::now(), 100).await.map(|swept| swept.removed),
                }
            });
        }
        let all: Result<Vec<_>, _> = tasks.join_all().await.into_iter().collect();
        all.expect("no operation fails because of another");
        store.revoke_subject("ada").await.expect("it runs");
    }
}

crate::stores::on_each!(concurrent_operations_on_a_subject_succeed);
