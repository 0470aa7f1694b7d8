//! Steps that are in each other's way.

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

/// Has the server undo the next inserts, as it does when two of them wait for each other.
fn undo_in_postgres(server: &PostgresServer, database: &str, times: u32, code: &str) {
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

fn undo_in_mariadb(server: &MariaDbServer, database: &str, times: u32, number: u32) {
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

/// It is tried again within the time that it has, and then it counts once.
async fn is_tried_again(store: &dyn Store) {
    for limit in [None, Some(LIMIT)] {
        let record = draft(store, Some("ada")).1;
        store.create(record.clone(), limit).await.expect("the third try");
        assert!(store.load(&record.sid).await.expect("it runs").is_some());
    }
    assert_eq!(store.list("ada").await.expect("it runs").len(), 2);
}

/// It is not tried for ever.
async fn is_given_up(store: &dyn Store) {
    let error =
        store.create(draft(store, Some("ada")).1, Some(LIMIT)).await.expect_err("each time");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(store.list("ada").await.expect("it runs").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_postgresql_undid_is_tried_again() {
    for code in ["40P01", "40001"] {
        let database = POSTGRES.new_database();
        let url = POSTGRES.url_of(&database);
        let store = PostgresStore::builder(url).migrate().connect().await.expect("it runs");
        undo_in_postgres(&POSTGRES, &database, 2, code);
        is_tried_again(&store).await;
    }
    let database = POSTGRES.new_database();
    let url = POSTGRES.url_of(&database);
    let store = PostgresStore::builder(url).migrate().connect().await.expect("it runs");
    undo_in_postgres(&POSTGRES, &database, 1000, "40P01");
    is_given_up(&store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mariadb_undid_is_tried_again() {
    for number in [1213, 1205] {
        let database = MARIADB.new_database();
        let url = MARIADB.url_of(&database);
        let store = MySqlStore::builder(url).migrate().connect().await.expect("it runs");
        undo_in_mariadb(&MARIADB, &database, 2, number);
        is_tried_again(&store).await;
    }
    let database = MARIADB.new_database();
    let url = MARIADB.url_of(&database);
    let store = MySqlStore::builder(url).migrate().connect().await.expect("it runs");
    undo_in_mariadb(&MARIADB, &database, 1000, 1213);
    is_given_up(&store).await;
}

/// Two processes on one file: whoever writes waits for the other, and gives up in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_of_one_file_wait_for_each_other() {
    let url = sqlite();
    let patience = Duration::from_secs(20);
    let node = || SqliteStore::builder(url.clone()).migrate().timeout(patience).connect();
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
    created.expect("each waits for its turn");
    assert_eq!(stores[0].list("ada").await.expect("it runs").len(), 5);
}

/// Steps in both directions over the same sign-ins, with real deadlocks now and then.
async fn everybody_ends_everything(store: Arc<dyn Store>) {
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
                    _ => store.sweep(crate::sign_in::now(), 100).await,
                }
            });
        }
        let all: Result<Vec<_>, _> = tasks.join_all().await.into_iter().collect();
        all.expect("none fails because of another");
        store.revoke_subject("ada").await.expect("it runs");
    }
}

crate::stores::on_each!(everybody_ends_everything);
