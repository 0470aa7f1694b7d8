//! The creation of the tables.

use auth_store::{MySqlStore, PostgresStore, SqlSetupError, SqliteStore, Store};
use tokio::task::JoinSet;

use crate::sign_in::sign_in;
use crate::stores::{MARIADB, mysql, postgres, sqlite};

macro_rules! on {
    ($database:ident, $store:ident) => {
        mod $database {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn several_nodes_migrate_at_the_same_time() {
                let (url, mut nodes) = ($database(), JoinSet::new());
                for _ in 0..8 {
                    nodes.spawn($store::builder(url.clone()).migrate().connect());
                }
                let stores: Vec<_> = nodes
                    .join_all()
                    .await
                    .into_iter()
                    .map(|store| store.expect("it migrates"))
                    .collect();
                let id = sign_in(&stores[0], "ada").await;
                for store in &stores {
                    assert!(store.load(&id).await.expect("it runs").is_some(), "all nodes see it");
                }
                // Later migrations change nothing, and a node may connect without migrating.
                let later = $store::builder(url.clone()).migrate().connect().await.expect("again");
                assert!(later.load(&id).await.expect("it runs").is_some());
                let other = $store::connect(url).await.expect("the tables are there");
                assert_eq!(other.revoke_subject("ada").await.expect("it runs"), 1);
            }
        }
    };
}

on!(mysql, MySqlStore);
on!(postgres, PostgresStore);
on!(sqlite, SqliteStore);

/// A backup may omit the rows that MySQL locks. Locking a missing row would lock nothing.
#[tokio::test]
async fn mysql_requires_all_rows_of_its_lock_table() {
    for lost in ["DELETE FROM auth_locks WHERE number = 7", "DROP TABLE auth_locks"] {
        let database = MARIADB.new_database();
        let url = MARIADB.url_of(&database);
        let store = MySqlStore::builder(url.clone()).migrate().connect().await.expect("it runs");
        let id = sign_in(&store, "ada").await;
        let _ = MARIADB.ask_in(&database, lost);
        let error = MySqlStore::connect(url.clone()).await.expect_err("locks are missing");
        assert!(matches!(error, SqlSetupError::NotMigrated), "{error:?}");
        let store = MySqlStore::builder(url)
            .migrate()
            .connect()
            .await
            .expect("the locks are created again");
        assert!(store.load(&id).await.expect("it runs").is_some());
    }
}

#[tokio::test]
async fn missing_tables_are_an_error_that_suggests_to_migrate() {
    let errors = [
        PostgresStore::connect(postgres()).await.map(|_| ()),
        MySqlStore::connect(mysql()).await.map(|_| ()),
    ];
    for error in errors {
        let error = error.expect_err("the tables are missing");
        assert!(matches!(error, SqlSetupError::NotMigrated), "{error:?}");
        assert!(error.to_string().contains("migrate"), "{error}");
    }
    let error = SqliteStore::connect(sqlite()).await.expect_err("the file is missing");
    assert!(matches!(error, SqlSetupError::Refused(_)), "{error:?}");
}
