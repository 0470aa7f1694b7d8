//! Empty databases on servers that the tests share.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use auth_servers::{MariaDbServer, PostgresServer, Proxy, Scratch};

pub(crate) static POSTGRES: LazyLock<PostgresServer> = LazyLock::new(PostgresServer::start);
pub(crate) static MARIADB: LazyLock<MariaDbServer> = LazyLock::new(MariaDbServer::start);
static FOLDER: LazyLock<Scratch> = LazyLock::new(Scratch::until_the_end);

/// Returns the URL of a new, empty database.
pub(crate) fn postgres() -> String {
    POSTGRES.url_of(&POSTGRES.new_database())
}

/// Returns the URL of a new, empty database.
pub(crate) fn mysql() -> String {
    MARIADB.url_of(&MARIADB.new_database())
}

/// Returns the URL of a file that does not exist.
pub(crate) fn sqlite() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("sqlite://{}/{number}.db", FOLDER.path().display())
}

/// Returns the URL of a server's database through a proxy in front of the server.
pub(crate) fn through(proxy: &Proxy, server: u16, url: &str) -> String {
    url.replace(&format!(":{server}/"), &format!(":{}/", proxy.port()))
}

/// Declares a test for each database. The test takes a new, empty store.
macro_rules! on_each {
    ($(#[$about:meta])* $name:ident) => {
        mod $name {
            $crate::stores::on_one! { mysql, MySqlStore, super::$name }
            $crate::stores::on_one! { postgres, PostgresStore, super::$name }
            $crate::stores::on_one! { sqlite, SqliteStore, super::$name }
        }
    };
}

macro_rules! on_one {
    ($database:ident, $store:ident, $test:path) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn $database() {
            let url = $crate::stores::$database();
            // The tests do not measure the store.
            let builder =
                auth_store::$store::builder(url).timeout(std::time::Duration::from_secs(10));
            let store = builder.migrate().connect().await;
            $test(std::sync::Arc::new(store.expect("the database runs"))).await;
        }
    };
}

pub(crate) use {on_each, on_one};
