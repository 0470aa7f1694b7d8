//! What SQLite is told in its own words.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Error, Sqlite};

use crate::stores::sql::dialect::{Dialect, Speaks};
use crate::stores::sql::open::setup;
use crate::stores::sql::setup_error::SqlSetupError;
use crate::stores::sql::speaks::speaks;
use crate::stores::sql::tables::Tables;
use crate::stores::sql::wording::Wording;

speaks!(Sqlite, SqliteRow);

#[async_trait]
impl Dialect for Sqlite {
    type Options = SqliteConnectOptions;
    type Extra = ();

    const WORDING: Wording = Wording {
        greatest: "MAX",
        unless_taken: " ON CONFLICT (sid) DO NOTHING",
        returning: true,
        numbered: true,
    };
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const MIGRATIONS: &'static [&'static str] =
        &[include_str!("../../../../migrations/sqlite/1.sql")];
    const HAS_TABLES: &'static str =
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'auth_migrations'";
    const CONNECTIONS: u32 = 10;
    const TIMEOUT: Duration = Duration::from_secs(1);
    const ONE_WRITER: bool = true;
    const LOCKS_ALWAYS: bool = false;

    fn told((): &()) -> Option<&'static str> {
        None
    }

    /// With a log that readers do not wait for, and that is on the disk before a step is
    /// acknowledged: a sign-in that was ended stays so when the power goes.
    fn options(
        url: &str,
        timeout: Duration,
        tables: Tables,
    ) -> Result<SqliteConnectOptions, SqlSetupError> {
        if !url.starts_with("sqlite:") {
            return Err(SqlSetupError::Url("its scheme is not sqlite".into()));
        }
        let options: SqliteConnectOptions = url.parse().map_err(setup::<Self>)?;
        let file = options.get_filename();
        if file.as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
            return Err(SqlSetupError::InMemory);
        }
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(timeout)
            .disable_statement_logging();
        Ok(match tables {
            Tables::Made => options.create_if_missing(true),
            Tables::Required => options,
        })
    }

    async fn connect(
        options: &SqliteConnectOptions,
        _timeout: Duration,
    ) -> Result<SqliteConnection, Error> {
        options.connect().await
    }

    /// One writes at a time.
    fn lock(_key: i64) -> Option<String> {
        None
    }

    async fn begin_migration(connection: &mut SqliteConnection) -> Result<(), Error> {
        Self::script(connection, Self::BEGIN).await
    }

    /// It comes with the crate.
    async fn vet(_connection: &mut SqliteConnection) -> Result<(), SqlSetupError> {
        Ok(())
    }

    /// `SQLITE_BUSY` and `SQLITE_LOCKED`, with whatever else the code says.
    fn is_conflict(error: &dyn DatabaseError) -> bool {
        let code: Option<u32> = error.code().and_then(|code| code.parse().ok());
        code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }

    fn is_login(_error: &dyn DatabaseError) -> bool {
        false
    }
}
