//! [`SqliteStore`], which stores sign-ins in an SQLite file.
//!
//! Its [`Dialect`] lists the differences from the other databases.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Error, Sqlite};

use super::dialect::{Dialect, Executor, Value, executor};
use super::error::SqlSetupError;
use super::statements::Syntax;
use super::store::sql_store;
use super::url::apply_options;
use crate::stores::database_options::DatabaseOptions;
use crate::stores::url_options::{MAX_CONNECTIONS, Meaning, TIMEOUT, UrlOption};

sql_store! {
    /// Stores sign-ins in an SQLite file, for one server whose sign-ins survive a restart.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), auth_store::SqlSetupError> {
    /// use auth_store::SqliteStore;
    ///
    /// let url = "sqlite:///var/lib/shop/sign-ins.db";
    /// let store = SqliteStore::builder(url).migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// SQLite is built with the crate. Processes of one machine may share the file, which must be on a
    /// local disk. There is one writer at a time; readers do not wait for it. The store opens one connection
    /// for writes, and up to [`max_connections`](SqliteStoreBuilder::max_connections) for reads.
    ///
    /// Acknowledged operations are on the disk (`synchronous=FULL`), so an ended sign-in remains ended
    /// after a power failure, provided that the disk does not lose flushed data. An operation fails as
    /// unavailable if it exceeds the timeout, waiting for other writers included.
    ///
    /// The store does not remove expired sign-ins by itself; a [`SignInManager`](crate::SignInManager)
    /// [sweeps](crate::Store::sweep) it.
    ///
    /// This store does not announce changes. A near cache in front of it serves a sign-in that another
    /// process ended for as long as its TTL.
    SqliteStore,
    /// Configures a [`SqliteStore`].
    SqliteStoreBuilder,
    Sqlite
}

executor!(Sqlite, SqliteRow, try_get, |session, statement, values| {
    values.iter().fold(sqlx::query(&statement.text), |query, value| match *value {
        Value::Int(number) => query.bind(number),
        Value::Bytes(bytes) => query.bind(bytes),
    })
});

/// The options of SQLite's own URLs, and those of other drivers.
const OPTIONS: &[UrlOption] = &[
    (&["vfs"], Meaning::Applied),
    (
        &["mode"],
        Meaning::AppliedIf(
            &["rw", "rwc", "memory"],
            "use `rw`, because the store writes, or `rwc`",
        ),
    ),
    (
        &["cache"],
        Meaning::AppliedIf(
            &["private"],
            "use `private`: with a shared cache, readers wait for writers",
        ),
    ),
    (&["immutable"], Meaning::AppliedIf(&["false", "0"], "remove it, because the store writes")),
    (
        &[
            "_foreign_keys",
            "_journal",
            "_journal_mode",
            "_sync",
            "_synchronous",
            "_txlock",
            "foreign_keys",
            "journal_mode",
            "nolock",
            "psow",
            "synchronous",
        ],
        Meaning::Rejected("remove it: the store chooses what keeps its sign-ins safe"),
    ),
    (&["_busy_timeout", "_timeout", "busy_timeout", "socket_timeout", "timeout"], TIMEOUT),
    (&["connection_limit", "max_connections", "pool", "pool_size"], MAX_CONNECTIONS),
];

#[async_trait]
impl Dialect for Sqlite {
    type Options = SqliteConnectOptions;
    type Extra = ();

    const SYNTAX: Syntax = Syntax {
        greatest: "MAX",
        on_conflict: " ON CONFLICT (sid) DO NOTHING",
        returning: true,
        locks_rows: false,
    };
    const BEGIN: &'static str = "BEGIN IMMEDIATE";
    const MIGRATIONS: &'static [&'static str] = &[include_str!("../../../migrations/sqlite/1.sql")];
    const HAS_TABLES: &'static str =
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'auth_migrations'";
    const SINGLE_WRITER: bool = true;

    /// The session has no statement timeout that would have to be raised.
    fn begin_read_only(_limit: Duration) -> String {
        "BEGIN".to_owned()
    }

    /// Uses a write-ahead log, so that readers do not wait for writers, and flushes it to the disk
    /// before an operation is acknowledged, so that an ended sign-in remains ended after a power
    /// failure.
    fn options(
        url: &str,
        database: &DatabaseOptions,
    ) -> Result<SqliteConnectOptions, SqlSetupError> {
        if !url.starts_with("sqlite:") {
            return Err(SqlSetupError::Url("the scheme must be `sqlite`".into()));
        }
        let options: SqliteConnectOptions =
            apply_options(url, OPTIONS)?.parse().map_err(SqlSetupError::from_sqlx::<Self>)?;
        let file = options.get_filename();
        if file.as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
            return Err(SqlSetupError::InMemory);
        }
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(database.timeout)
            .disable_statement_logging();
        Ok(if database.migrates { options.create_if_missing(true) } else { options })
    }

    async fn open(options: &SqliteConnectOptions) -> Result<SqliteConnection, Error> {
        options.connect().await
    }

    async fn begin_migration(connection: &mut SqliteConnection) -> Result<(), Error> {
        Self::script(connection, Self::BEGIN).await
    }

    /// `SQLITE_BUSY` and `SQLITE_LOCKED`, with any extended code.
    fn is_conflict(error: &dyn DatabaseError) -> bool {
        let code: Option<u32> = error.code().and_then(|code| code.parse().ok());
        code.is_some_and(|code| matches!(code & 0xff, 5 | 6))
    }
}

#[cfg(test)]
mod tests {
    use auth_servers::Scratch;

    use super::super::connect::migrate;
    use super::super::statements::Statements;
    use super::*;

    /// Reads the query plans, because SQLite does not count the rows that a statement scanned.
    #[tokio::test]
    async fn every_statement_uses_an_index() {
        let folder = Scratch::new();
        let url = format!("sqlite://{}/plans.db", folder.path().display());
        let timeout = Duration::from_secs(20);
        let options = DatabaseOptions { migrates: true, timeout, ..DatabaseOptions::default() };
        let options = Sqlite::options(&url, &options).expect("a valid URL");
        let mut connection = Sqlite::open(&options).await.expect("the file opens");
        migrate::<Sqlite>(&mut connection).await.expect("the migration succeeds");
        let Statements {
            load,
            insert: _,
            update,
            rotate,
            reauthenticate,
            touch,
            delete,
            delete_if_version,
            delete_if_idle,
            delete_of_subject,
            delete_anonymous,
            list,
            expiries,
            revoke,
            revoke_others,
            revoke_subject,
            update_subject,
            swap_principal,
            due,
            delete_expired,
            postpone,
            count_anonymous,
            oldest_anonymous,
        } = Statements::new(&Sqlite::SYNTAX, None);
        let of_one = [load, update, rotate, reauthenticate, touch, delete, delete_if_version];
        let of_some = [delete_if_idle, delete_of_subject, list, expiries, revoke, revoke_others];
        let of_all =
            [revoke_subject, update_subject, swap_principal, due, delete_expired, postpone];
        let statements = of_one.into_iter().chain(of_some).chain(of_all);
        for statement in statements.chain([delete_anonymous, count_anonymous, oldest_anonymous]) {
            let query = format!("EXPLAIN QUERY PLAN {}", statement.text);
            let plan = Sqlite::query(&mut connection, &query).await.expect("a plan");
            for step in &plan {
                let detail = Sqlite::bytes(step, 3).expect("a text").unwrap_or_default();
                let detail = String::from_utf8_lossy(&detail).into_owned();
                // Counting anonymous sign-ins scans their own index.
                let scans_table = detail.starts_with("SCAN") && !detail.contains("_anonymous");
                assert!(!scans_table, "{query}: {detail}");
            }
        }
    }
}
