//! Databases on this machine, and stores in them.

use std::sync::Arc;
use std::time::Duration;

use auth_servers::{MariaDbServer, PostgresServer, Scratch};
use auth_store::{MySqlStore, PostgresStore, PostgresStoreBuilder, SqliteStore, Store};

/// On a busy machine a step is slow, and no failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// What PostgreSQL comes with, but for its memory.
const POSTGRES: [&str; 3] = ["--fsync=on", "--full_page_writes=on", "--shared_buffers=512MB"];

/// What MariaDB comes with.
const MARIADB: [&str; 3] = [
    "--innodb-log-file-size=96M",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-flush-method=O_DIRECT",
];

/// What an acknowledged step outlasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safe {
    /// The machine, as in production: whoever commits waits until the disk has it.
    OnDisk,
    /// The process alone, as in the tests: nobody waits for the disk.
    InMemory,
}

/// A database without any sign-ins.
pub enum Database {
    /// Changes are announced.
    Postgres(PostgresServer),
    /// Changes are announced to nobody.
    PostgresWithoutAnnouncements(PostgresServer),
    /// The server.
    MariaDb(MariaDbServer),
    /// The folder of the file.
    Sqlite(Scratch),
}

/// A server with the settings of production, and these.
pub fn postgres_in_production(settings: &[&str]) -> PostgresServer {
    let server = PostgresServer::with(&[&POSTGRES, settings].concat());
    assert_eq!(server.ask("SHOW fsync"), "on"); // the tests' own settings came before
    server
}

impl Database {
    /// PostgreSQL.
    pub fn postgres(safe: Safe) -> Self {
        Self::Postgres(match safe {
            Safe::OnDisk => postgres_in_production(&[]),
            Safe::InMemory => PostgresServer::start(),
        })
    }

    /// MariaDB.
    pub fn mariadb(safe: Safe) -> Self {
        Self::MariaDb(match safe {
            Safe::OnDisk => {
                let server = MariaDbServer::with(&MARIADB);
                assert_eq!(server.ask("SELECT @@innodb_flush_method"), "O_DIRECT"); // so had it
                server
            }
            Safe::InMemory => MariaDbServer::start(),
        })
    }

    /// What it is, and its version as it says.
    pub fn name(&self) -> String {
        match self {
            Self::Postgres(server) | Self::PostgresWithoutAnnouncements(server) => {
                let said = server.ask("SHOW server_version");
                format!("PostgreSQL {}", said.split(' ').next().unwrap_or_default())
            }
            Self::MariaDb(server) => {
                let said = server.ask("SELECT version()");
                format!("MariaDB {}", said.split('-').next().unwrap_or_default())
            }
            Self::Sqlite(_) => "SQLite".to_owned(),
        }
    }

    /// A store in it.
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
                let builder = SqliteStore::builder(url).migrate().timeout(PATIENCE);
                Arc::new(builder.connect().await.unwrap())
            }
        }
    }
}

/// A store of PostgreSQL, with tables.
pub(super) fn postgres(url: &str) -> PostgresStoreBuilder {
    PostgresStore::builder(url).migrate().timeout(PATIENCE)
}

/// A store of MariaDB, with tables.
pub(super) async fn mariadb(url: &str) -> MySqlStore {
    MySqlStore::builder(url).migrate().timeout(PATIENCE).connect().await.unwrap()
}
