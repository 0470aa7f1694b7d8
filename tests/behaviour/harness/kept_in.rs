//! The store that the suite runs over, which the environment names.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use auth_servers::{MariaDbServer, PostgresServer, RedisServer, Scratch};
use auth_store::{
    IntoStore, MemoryStore, MySqlStore, PostgresStore, RedisStore, SqliteStore, Store,
};

/// Names the store: `memory` if it is not there.
const VARIABLE: &str = "AUTH_TESTS_STORE";

/// Races are many here, and not what the time of a step is measured by.
const PATIENCE: Duration = Duration::from_secs(20);

// One server for all tests of this process.
static REDIS: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);
static POSTGRES: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);
static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(MariaDbServer::start);
static FILES: LazyLock<Scratch> = LazyLock::new(Scratch::until_the_end);

/// Where sign-ins are kept.
enum Kept {
    Memory,
    Sqlite,
    Postgres,
    MySql,
    Redis,
}

fn kept() -> Kept {
    match env::var(VARIABLE).as_deref() {
        Err(env::VarError::NotPresent) | Ok("memory") => Kept::Memory,
        Ok("sqlite") => Kept::Sqlite,
        Ok("postgres") => Kept::Postgres,
        Ok("mysql") => Kept::MySql,
        Ok("redis") => Kept::Redis,
        other => panic!(
            "{VARIABLE} is {other:?}, and not one of memory, sqlite, postgres, mysql and redis"
        ),
    }
}

/// An empty store, with a place of its own.
pub(super) async fn fresh_store() -> Arc<dyn Store> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    match kept() {
        Kept::Memory => MemoryStore::new().into_store(),
        Kept::Sqlite => {
            let url = format!("sqlite:{}", FILES.path().join(format!("{number}.db")).display());
            SqliteStore::builder(url)
                .timeout(PATIENCE)
                .migrate()
                .connect()
                .await
                .unwrap()
                .into_store()
        }
        Kept::Postgres => {
            let _ = POSTGRES.ask(&format!("create schema test_{number}"));
            let url = format!("{}?options=-c%20search_path%3Dtest_{number}", POSTGRES.url());
            PostgresStore::builder(url)
                .timeout(PATIENCE)
                .migrate()
                .connect()
                .await
                .unwrap()
                .into_store()
        }
        Kept::MySql => {
            let url = MARIADB.url_of(&MARIADB.new_database());
            MySqlStore::builder(url)
                .timeout(PATIENCE)
                .migrate()
                .connect()
                .await
                .unwrap()
                .into_store()
        }
        Kept::Redis => {
            let store = RedisStore::builder(REDIS.url()).prefix(format!("{number}:"));
            store.connect().await.unwrap().into_store()
        }
    }
}

/// When a test begins, on a full second. Redis collects by its own clock.
pub(super) fn beginning() -> Timestamp {
    match kept() {
        Kept::Redis => Timestamp::from_secs(Clock::system().now().as_secs()),
        _ => Timestamp::from_secs(1_800_000_000),
    }
}
