//! [`PostgresStore`], which stores sign-ins in PostgreSQL.
//!
//! Its [`Dialect`] lists the differences from the other databases. `notify` announces changes.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgRow, PgSeverity};
use sqlx::{ConnectOptions, Error, Postgres};

use super::dialect::{Dialect, Executor, Tables, executor};
use super::error::SqlSetupError;
use super::statements::Syntax;
use super::store::sql_store;
use super::url::reject_unknown_options;

sql_store! {
    /// Stores sign-ins in PostgreSQL, for several servers that share them, next to the application's
    /// own tables.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), auth_store::SqlSetupError> {
    /// use auth_store::PostgresStore;
    ///
    /// let url = "postgres://app:secret@localhost/shop";
    /// let store = PostgresStore::builder(url).migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// # Requirements
    ///
    /// PostgreSQL 13 or newer. The clock and the time zone of the server do not matter. A connection
    /// pooler in between must pool sessions rather than transactions.
    ///
    /// The URL has the format of libpq, and names one server that accepts writes. Unknown options, such
    /// as `channel_binding`, are rejected. `options=-c search_path=..` selects the schema. With the
    /// feature `sql-tls`, set `sslmode=verify-full`, and set `sslrootcert` to the file of your own
    /// certificate authority if you have one. Other modes, including the default, do not verify the
    /// server's identity.
    ///
    /// # Operations
    ///
    /// | operation | round trips |
    /// |---|---|
    /// | `load`, `touch`, `list`, every end, `update_subject` | 1 |
    /// | `update`, `rotate`, `delete_if_version` | 1; 1 more to load the sign-in after a conflict |
    /// | `create` without a limit, or of an anonymous sign-in | 1 |
    /// | `create` with a limit | 4 in one transaction, and 1 more to evict |
    ///
    /// An operation fails as unavailable if it exceeds the timeout, waiting for a connection included.
    /// If the server rolls it back because of another operation, it is retried within that time.
    /// Acknowledged operations are as durable as `synchronous_commit` and the replicas make them; keep
    /// that setting on.
    ///
    /// New sign-ins trigger the deletion of expired ones; [`sweep`](crate::Store::sweep) deletes more
    /// at a time. A sign-in with a few hundred bytes of data takes half a kilobyte, its indexes
    /// included.
    ///
    /// # Near caches
    ///
    /// The store announces changes with `NOTIFY`, which costs commits some of their parallelism. If no
    /// node has a [`NearCache`](crate::near_cache::NearCache),
    /// [disable the announcements](PostgresStoreBuilder::insecure_without_announcements).
    PostgresStore,
    /// Configures a [`PostgresStore`].
    PostgresStoreBuilder,
    Postgres
}

impl PostgresStoreBuilder {
    /// Disables the announcements of changes.
    ///
    /// No node may have a near cache then: one in front of this store never serves a cached sign-in, but
    /// one on another node, in front of a store that does announce, serves sign-ins that this node
    /// ended.
    pub fn insecure_without_announcements(mut self) -> Self {
        self.options.extra = Announcing::Off;
        self
    }
}

/// Whether the store announces changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Announcing {
    #[default]
    On,
    Off,
}

executor!(Postgres, PgRow);

/// The options of a URL that sqlx knows.
const OPTIONS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "options[]",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

#[async_trait]
impl Dialect for Postgres {
    type Options = PgConnectOptions;
    type Extra = Announcing;

    const SYNTAX: Syntax = Syntax {
        greatest: "GREATEST",
        on_conflict: " ON CONFLICT (sid) DO NOTHING",
        returning: true,
        locks_rows: true,
        numbered: true,
    };
    const BEGIN: &'static str = "BEGIN";
    const MIGRATIONS: &'static [&'static str] =
        &[include_str!("../../../migrations/postgres/1.sql")];
    const HAS_TABLES: &'static str =
        "SELECT CASE WHEN to_regclass('auth_migrations') IS NULL THEN 0 ELSE 1 END::bigint";
    const HAS_ROWS: Option<&'static str> = None;
    const MAX_CONNECTIONS: u32 = 10;
    const TIMEOUT: Duration = Duration::from_secs(1);
    const SINGLE_WRITER: bool = false;
    /// Each statement sees a snapshot of everything that was committed before it began.
    const ALWAYS_LOCKS: bool = false;

    /// Announces each row separately, so that no message exceeds the limit of 8000 bytes.
    fn notification(announcing: &Announcing) -> Option<&'static str> {
        match announcing {
            Announcing::On => Some("pg_notify('auth_sign_ins', encode(sid, 'hex'))"),
            Announcing::Off => None,
        }
    }

    fn begin_read_only(limit: Duration) -> String {
        format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", limit.as_millis())
    }

    fn options(
        url: &str,
        _timeout: Duration,
        _tables: Tables,
    ) -> Result<PgConnectOptions, SqlSetupError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(SqlSetupError::Url("the scheme must be `postgres` or `postgresql`".into()));
        }
        reject_unknown_options(url, OPTIONS)?;
        let options: PgConnectOptions = url.parse().map_err(SqlSetupError::from_sqlx::<Self>)?;
        Ok(options.disable_statement_logging())
    }

    /// The server also cancels statements after the timeout, and a node that freezes within a
    /// transaction loses its locks.
    async fn connect(options: &PgConnectOptions, timeout: Duration) -> Result<PgConnection, Error> {
        let mut connection = options.connect().await?;
        let millis = timeout.as_millis();
        let settings = format!(
            "SET statement_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = {millis}; \
             SET default_transaction_isolation = 'read committed'"
        );
        Self::script(&mut connection, &settings).await?;
        Ok(connection)
    }

    fn lock(key: i64) -> Option<String> {
        Some(format!("SELECT pg_advisory_xact_lock({key})"))
    }

    async fn begin_migration(connection: &mut PgConnection) -> Result<(), Error> {
        Self::script(connection, "BEGIN; SELECT pg_advisory_xact_lock(7022086542148593519)").await
    }

    async fn check_version(connection: &mut PgConnection) -> Result<(), SqlSetupError> {
        let query = "SELECT current_setting('server_version_num')::bigint";
        let rows =
            Self::fetch(connection, query, &[]).await.map_err(SqlSetupError::from_sqlx::<Self>)?;
        let number = rows.first().ok_or(Error::RowNotFound).and_then(|row| Self::int(row, 0));
        match number.map_err(SqlSetupError::from_sqlx::<Self>)? {
            130_000.. => Ok(()),
            older => Err(SqlSetupError::TooOld {
                version: format!("PostgreSQL {}", older / 10_000),
                needed: "PostgreSQL 13",
            }),
        }
    }

    fn is_conflict(error: &dyn DatabaseError) -> bool {
        matches!(error.code().as_deref(), Some("40001" | "40P01"))
    }

    /// A fatal error closes the connection; these classes of errors are about the connection itself.
    fn closes_connection(error: &dyn DatabaseError) -> bool {
        let fatal = error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic));
        let is_about_connection = |code: &str| code.starts_with("57P") || code.starts_with("08");
        fatal || error.code().is_some_and(|code| is_about_connection(&code))
    }

    fn is_authentication(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| code.starts_with("28"))
    }
}
