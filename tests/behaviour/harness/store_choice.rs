//! Chooses the store that the suite runs over, by an environment variable.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use auth_core::{Clock, Timestamp};
use auth_servers::{MariaDbServer, MongoServer, PostgresServer, RedisServer, Scratch};
use auth_store::{
    IntoStore, MemoryStore, MongoStore, MySqlStore, PostgresStore, RedisStore, SqliteStore, Store,
};
use parking_lot::Mutex;

/// Names the store. Defaults to `memory`.
const VARIABLE: &str = "AUTH_TESTS_STORE";

/// Long enough for the many concurrent steps of the suite. The tests do not measure the store.
const TIMEOUT: Duration = Duration::from_secs(20);

// All tests of the process share one server.
static REDIS: LazyLock<RedisServer> = LazyLock::new(RedisServer::start);
static POSTGRES: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);
static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(MariaDbServer::start);
static MONGODB: LazyLock<MongoServer> = LazyLock::new(MongoServer::start);
static FILES: LazyLock<Scratch> = LazyLock::new(Scratch::until_the_end);

/// A store that the suite can run over.
enum StoreChoice {
    Memory,
    Sqlite,
    Postgres,
    MySql,
    Redis,
    MongoDb,
}

impl StoreChoice {
    fn from_env() -> Self {
        match env::var(VARIABLE).as_deref() {
            Err(env::VarError::NotPresent) | Ok("memory") => Self::Memory,
            Ok("sqlite") => Self::Sqlite,
            Ok("postgres") => Self::Postgres,
            Ok("mysql") => Self::MySql,
            Ok("redis") => Self::Redis,
            Ok("mongodb") => Self::MongoDb,
            other => panic!(
                "{VARIABLE} is {other:?}, but must be memory, sqlite, postgres, mysql, redis or mongodb"
            ),
        }
    }
}

/// Connects to a database and creates the tables.
macro_rules! migrated {
    ($store:ident, $url:expr) => {{
        let builder = $store::builder($url).timeout(TIMEOUT).migrate();
        builder.connect().await.unwrap().into_store()
    }};
}

/// Creates what the first tests need of a server, in blocks: each command starts a client program, which takes
/// longer than many a test.
fn create_up_to(number: u32, create: impl Fn(u32) -> String, ask: impl FnOnce(&str) -> String) {
    const BLOCK: u32 = 25;
    static CREATED: Mutex<u32> = Mutex::new(0);
    let mut created = CREATED.lock();
    if *created <= number {
        let statements: Vec<_> = (*created..*created + BLOCK).map(create).collect();
        ask(&statements.join(";"));
        *created += BLOCK;
    }
}

/// Returns an empty store, which shares no data with those of other tests.
pub(crate) async fn fresh_store() -> Arc<dyn Store> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    match StoreChoice::from_env() {
        StoreChoice::Memory => MemoryStore::new().into_store(),
        StoreChoice::Sqlite => {
            let file = FILES.path().join(format!("{number}.db"));
            migrated!(SqliteStore, format!("sqlite:{}", file.display()))
        }
        StoreChoice::Postgres => {
            create_up_to(number, |it| format!("create schema test_{it}"), |sql| POSTGRES.ask(sql));
            let url = format!("{}?options=-c%20search_path%3Dtest_{number}", POSTGRES.url());
            migrated!(PostgresStore, url)
        }
        StoreChoice::MySql => {
            create_up_to(number, |it| format!("create database test_{it}"), |sql| MARIADB.ask(sql));
            migrated!(MySqlStore, MARIADB.url_of(&format!("test_{number}")))
        }
        StoreChoice::MongoDb => migrated!(MongoStore, MONGODB.url_of_new()),
        StoreChoice::Redis => {
            let store = RedisStore::builder(REDIS.url()).prefix(format!("{number}:"));
            let store = store.timeout(TIMEOUT);
            store.connect().await.unwrap().into_store()
        }
    }
}

/// Returns the time at which a test begins, a full second. Redis and MongoDB delete by their own clocks, so
/// over them a test begins now.
pub(crate) fn start_time() -> Timestamp {
    match StoreChoice::from_env() {
        StoreChoice::Redis | StoreChoice::MongoDb => {
            Timestamp::from_secs(Clock::system().now().as_secs())
        }
        _ => Timestamp::from_secs(1_800_000_000),
    }
}

/// Returns how many requests may change one sign-in at the same time. A writer waits three seconds for the others,
/// and the server of the MongoDB tests is so slow that the last of 64 may get its turn later.
pub(crate) fn most_writers() -> usize {
    match StoreChoice::from_env() {
        StoreChoice::MongoDb => 8,
        _ => 64,
    }
}
