//! Databases on this machine, and stores that use them.
//!
//! A commit can wait for the disk, as in production, or not. The difference is the cost of durability.

use std::sync::Arc;
use std::time::Duration;

use auth_servers::{MariaDbServer, PostgresServer, Scratch};
use auth_store::{MySqlStore, PostgresStore, PostgresStoreBuilder, SqliteStore, Store};

/// A generous timeout: on a busy machine a slow step is not a failure.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The defaults of PostgreSQL, except for its memory.
const POSTGRES: [&str; 3] = ["--fsync=on", "--full_page_writes=on", "--shared_buffers=512MB"];

/// The defaults of MariaDB.
const MARIADB: [&str; 3] = [
    "--innodb-log-file-size=96M",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-flush-method=O_DIRECT",
];

/// What an acknowledged step survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    /// A failure of the machine, as in production: a commit waits for the disk.
    OnDisk,
    /// A failure of the client only, as in the tests: a commit does not wait for the disk.
    InMemory,
}

/// A database without any sign-ins.
pub enum Database {
    /// Changes are announced.
    Postgres(PostgresServer),
    /// Changes are not announced.
    PostgresWithoutAnnouncements(PostgresServer),
    /// A MariaDB server.
    MariaDb(MariaDbServer),
    /// The folder of an SQLite file.
    Sqlite(Scratch),
}

/// Starts a server with production settings, and these.
pub fn postgres_in_production(settings: &[&str]) -> PostgresServer {
    let server = PostgresServer::with(&[&POSTGRES, settings].concat());
    assert_eq!(server.ask("SHOW fsync"), "on"); // it overrides the setting of the tests
    server
}

impl Database {
    /// Starts PostgreSQL.
    pub fn postgres(safe: Safe) -> Self {
        Self::Postgres(match safe {
            Safe::OnDisk => postgres_in_production(&[]),
            Safe::InMemory => PostgresServer::start(),
        })
    }

    /// Starts MariaDB.
    pub fn mariadb(safe: Safe) -> Self {
        Self::MariaDb(match safe {
            Safe::OnDisk => {
                let server = MariaDbServer::with(&MARIADB);
                assert_eq!(server.ask("SELECT @@innodb_flush_method"), "O_DIRECT"); // the setting was accepted
                server
            }
            Safe::InMemory => MariaDbServer::start(),
        })
    }

    /// Returns the name and the version of the database.
    pub fn name(&self) -> String {
        match self {
            Self::Postgres(server) | Self::PostgresWithoutAnnouncements(server) => {
                let version = server.ask("SHOW server_version");
                format!("PostgreSQL {}", version.split(' ').next().unwrap_or_default())
            }
            Self::MariaDb(server) => {
                let version = server.ask("SELECT version()");
                format!("MariaDB {}", version.split('-').next().unwrap_or_default())
            }
            Self::Sqlite(_) => "SQLite".to_owned(),
        }
    }

    /// Returns a store that uses this database.
    pub async fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Postgres(server) => Arc::new(postgres(&server.url()).connect().await.unwrap()),
            Self::PostgresWithoutAnnouncements(server) => {
                let builder = postgres(&server.url()).insecure_without_announcements();
                Arc::new(builder.connect().await.unwrap())
            }
            Self::MariaDb(server) => Arc::new(mariadb(&server.url()).await),
            Self::Sqlite(folder) => {
                let url = format!("sqlite://{}/sign-ins.db", folder.path().display());
                let builder = SqliteStore::builder(url).migrate().timeout(TIMEOUT);
                Arc::new(builder.connect().await.unwrap())
            }
        }
    }
}

/// Returns a builder of a PostgreSQL store that creates its tables.
pub(super) fn postgres(url: &str) -> PostgresStoreBuilder {
    PostgresStore::builder(url).migrate().timeout(TIMEOUT)
}

/// Returns a MariaDB store with its tables.
pub(super) async fn mariadb(url: &str) -> MySqlStore {
    MySqlStore::builder(url).migrate().timeout(TIMEOUT).connect().await.unwrap()
}
