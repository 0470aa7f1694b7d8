//! [`PostgresStore`], which stores sign-ins in PostgreSQL.
//!
//! Its [`Dialect`] lists the differences from the other databases. `notify` announces changes.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgRow, PgSeverity};
use sqlx::{ConnectOptions, Error, Postgres};

use super::dialect::{Dialect, Executor, Value, executor};
use super::error::SqlSetupError;
use super::session::Session;
use super::statements::{Statement, Syntax, write_literal};
use super::store::sql_store;
use super::url::server_options;
use crate::stores::database_options::DatabaseOptions;
use crate::stores::url_options::{MAX_CONNECTIONS, Meaning, TIMEOUT, UrlOption};

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
    /// PostgreSQL 13 or newer. The clock and the time zone of the server do not matter.
    ///
    /// A connection pooler in between must pool sessions (`pool_mode = session` in PgBouncer). One that
    /// pools transactions or statements is refused, because it would apply the store's settings to
    /// other clients. The server must accept writes. The store checks both when it connects, and once
    /// per second on each connection in use. If a check fails, operations fail as unavailable.
    ///
    /// The URL has the format of libpq, and names one server. `search_path=..` selects the schema.
    /// `connect_timeout` limits the time to open each connection at start. It defaults to four times
    /// the [`timeout`](PostgresStoreBuilder::timeout). `channel_binding=require` is accepted together with
    /// `sslmode=verify-full`. An option that is set twice is rejected, also under another name. Other
    /// options that the store cannot honor, and unknown ones, are rejected. With the feature `sql-tls`,
    /// set `sslmode=verify-full`, and set `sslrootcert` to the file of your own certificate authority
    /// if you have one. Other modes, including the default, do not verify the server's identity.
    ///
    /// # Operations
    ///
    /// | operation | round trips |
    /// |---|---|
    /// | `load`, `touch`, `list`, every end, `update_subject`, `swap_principal` | 1 |
    /// | `update`, `rotate`, `delete_if_version` | 1; 1 more to load the sign-in after a conflict |
    /// | `create` without a limit, or of an anonymous sign-in | 1 |
    /// | `create` with a limit | 4 in one transaction, and 1 more to evict |
    ///
    /// An operation fails as unavailable if it exceeds the timeout, waiting for a connection included.
    /// If the server rolls it back because of another operation, it is retried within that time.
    /// Acknowledged operations are as durable as `synchronous_commit` and the replicas make them; keep
    /// that setting on.
    ///
    /// The store does not remove expired sign-ins by itself; a [`SignInManager`](crate::SignInManager)
    /// [sweeps](crate::Store::sweep) it. A sign-in with a few hundred bytes of data takes half a kilobyte,
    /// its indexes included.
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
    /// Then no node may have a near cache. A near cache in front of this store never answers from its entries.
    /// A near cache on another node, whose store announces changes, would serve sign-ins that this node has
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

// Some numbers are of type SMALLINT, so the type is not compared: numbers arrive as text, and another
// text is an error.
executor!(Postgres, PgRow, try_get_unchecked, |session, statement, values| {
    prepare(session, statement, values).await?;
    &*call(session, statement, values)
});

/// The prepared statements of a session.
pub(super) struct PreparedStatements {
    /// Their names begin with this. It is random, so that no statement of another session is ever executed
    /// instead.
    prefix: String,
    /// Bit n is set if the statement with the number n is prepared.
    numbers: u64,
}

impl PreparedStatements {
    pub(super) fn new() -> Result<Self, Error> {
        let random = getrandom::u64().map_err(|error| Error::Io(std::io::Error::other(error)))?;
        Ok(Self { prefix: format!("auth_{random:016x}_"), numbers: 0 })
    }
}

/// Prepares a statement, unless this session has done so.
///
/// sqlx counts the statements of a connection from 1, so one of another session may have the same
/// name. These names are unique: if a pooler mixes the sessions, a statement is missing, but another
/// one is never executed.
async fn prepare(
    session: &mut Session<Postgres>,
    statement: &Statement,
    values: &[Value<'_>],
) -> Result<(), Error> {
    let bit = 1 << statement.number;
    if session.prepared.numbers & bit == 0 {
        let prefix = &session.prepared.prefix;
        let (number, text) = (statement.number, &statement.text);
        let types = values.iter().map(|value| match value {
            Value::Int(_) => "bigint",
            Value::Bytes(_) => "bytea",
        });
        let types = types.collect::<Vec<_>>().join(", ");
        let types = if types.is_empty() { types } else { format!(" ({types})") };
        let prepare = format!("PREPARE {prefix}{number}{types} AS {text}");
        Postgres::script(&mut session.raw, &prepare).await?;
        session.prepared.numbers |= bit;
    }
    Ok(())
}

/// Returns the text that executes a prepared statement.
fn call(session: &Session<Postgres>, statement: &Statement, values: &[Value<'_>]) -> String {
    let mut text = format!("EXECUTE {}{}", session.prepared.prefix, statement.number);
    for (position, value) in values.iter().enumerate() {
        text.push(if position == 0 { '(' } else { ',' });
        write_literal(&mut text, *value, [r"E'\\x", "'"]);
    }
    if !values.is_empty() {
        text.push(')');
    }
    text
}

/// The options of libpq, of sqlx, and of the drivers whose URLs hosting providers hand out.
const OPTIONS: &[UrlOption] = &[
    (
        &["application_name", "dbname", "host", "hostaddr", "options", "options[]", "password"],
        Meaning::Applied,
    ),
    (&["port", "statement-cache-capacity", "user"], Meaning::Applied),
    (&["ssl-cert", "ssl-key", "ssl-mode"], Meaning::Applied),
    (&["sslcert", "sslkey", "sslmode"], Meaning::Applied),
    (
        &["sslrootcert", "ssl-root-cert", "ssl-ca"],
        Meaning::AppliedUnless(
            "system",
            "sslmode=verify-full",
            "set `sslmode=verify-full` with `system`",
        ),
    ),
    (&["fallback_application_name"], Meaning::AppliedAs("application_name")),
    (&["search_path"], Meaning::AppliedAs("options[search_path]")),
    (&["connect_timeout"], Meaning::ConnectTimeout),
    (
        &["channel_binding"],
        Meaning::MetWith(
            &["disable", "prefer", "require"],
            "sslmode=verify-full",
            "set `sslmode=verify-full`, which also excludes a man in the middle",
        ),
    ),
    (
        &["target_session_attrs"],
        Meaning::Met(
            &["any", "read-write", "primary"],
            "the store writes, and checks that the server accepts writes",
        ),
    ),
    (
        &["keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval"],
        Meaning::AlwaysMet, // every operation has a time limit, and broken connections are replaced
    ),
    (&["tcp_user_timeout"], Meaning::AlwaysMet),
    (
        &["client_encoding", "encoding"],
        Meaning::Met(&["auto", "utf8", "utf-8"], "remove it: the store uses UTF-8"),
    ),
    (
        &["gssencmode"],
        Meaning::Met(
            &["disable", "prefer"],
            "set `sslmode=verify-full` for an encrypted connection",
        ),
    ),
    (&["load_balance_hosts"], Meaning::Met(&["disable"], "name the primary only")),
    (
        &["replication"],
        Meaning::Met(
            &["false", "off", "no", "0"],
            "remove it: the store needs an ordinary connection",
        ),
    ),
    (
        &["sslcompression"],
        Meaning::Met(&["0"], "remove it: compressing encrypted data reveals secrets"),
    ),
    (
        &["sslnegotiation"],
        Meaning::Met(
            &["postgres"],
            "remove it: the store requests TLS as every PostgreSQL accepts it",
        ),
    ),
    (&["sslsni"], Meaning::Met(&["1"], "remove it: the store names the server")),
    (
        &["ssl_min_protocol_version"],
        Meaning::Met(
            &["TLSv1", "TLSv1.1", "TLSv1.2"],
            "set it on the server: the store accepts TLS 1.2 and 1.3",
        ),
    ),
    (
        &["ssl_max_protocol_version"],
        Meaning::Met(&["TLSv1.3"], "set it on the server: the store accepts TLS 1.2 and 1.3"),
    ),
    (
        &["pgbouncer"],
        Meaning::Met(
            &["false"],
            "it marks a pooler of transactions: use the URL of its session pooling, or of the database itself",
        ),
    ),
    (
        &["ssl", "tls", "sslaccept", "require_auth"],
        Meaning::Rejected("set `sslmode=verify-full`, or `sslmode=require` without verification"),
    ),
    (&["currentSchema", "schema"], Meaning::Rejected("set `search_path`")),
    (
        &[
            "connection_limit",
            "max_connections",
            "max_pool_size",
            "pool",
            "pool_max_conns",
            "pool_size",
        ],
        MAX_CONNECTIONS,
    ),
    (
        &[
            "connectTimeout",
            "idle_in_transaction_session_timeout",
            "lock_timeout",
            "pool_timeout",
            "socketTimeout",
            "socket_timeout",
            "statement_timeout",
            "timeout",
        ],
        TIMEOUT,
    ),
    (
        &["passfile", "service", "servicefile"],
        Meaning::Rejected(
            "write the host, database, user and password into the URL, or set the variables PGPASSWORD and PGPASSFILE",
        ),
    ),
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
    };
    const BEGIN: &'static str = "BEGIN";
    /// A standby is read-only, and so is a database with `default_transaction_read_only`.
    const STATE: Option<&'static str> = Some(
        "SELECT pg_backend_pid()::bigint, \
         CASE WHEN current_setting('transaction_read_only') = 'on' THEN 1 ELSE 0 END::bigint, \
         (EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000)::bigint",
    );
    const MIGRATIONS: &'static [&'static str] =
        &[include_str!("../../../migrations/postgres/1.sql")];
    const HAS_TABLES: &'static str =
        "SELECT CASE WHEN to_regclass('auth_migrations') IS NULL THEN 0 ELSE 1 END::bigint";

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

    fn options(url: &str, _: &DatabaseOptions) -> Result<PgConnectOptions, SqlSetupError> {
        let options = server_options::<Self>(url, ["postgres", "postgresql"], OPTIONS)?;
        // PgBouncer rejects this parameter, which is for numbers that the store does not use.
        Ok(options.extra_float_digits(None).disable_statement_logging())
    }

    async fn open(options: &PgConnectOptions) -> Result<PgConnection, Error> {
        options.connect().await
    }

    /// The server also cancels statements after the timeout, and a node that freezes within a
    /// transaction loses its locks.
    fn settings(timeout: Duration) -> Option<String> {
        let millis = timeout.as_millis();
        Some(format!(
            "SET statement_timeout = {millis}; \
             SET idle_in_transaction_session_timeout = {millis}; \
             SET default_transaction_isolation = 'read committed'; \
             SET bytea_output = 'hex'"
        ))
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
            Self::query(connection, query).await.map_err(SqlSetupError::from_sqlx::<Self>)?;
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
    /// On a server that became read-only, or without a statement that was prepared (a pooler mixes the
    /// sessions), the connection is useless.
    fn closes_connection(error: &dyn DatabaseError) -> bool {
        let fatal = error
            .try_downcast_ref::<PgDatabaseError>()
            .is_some_and(|error| matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic));
        let is_about_connection = |code: &str| {
            code.starts_with("57P") || code.starts_with("08") || matches!(code, "25006" | "26000")
        };
        fatal || error.code().is_some_and(|code| is_about_connection(&code))
    }

    fn is_authentication(error: &dyn DatabaseError) -> bool {
        error.code().is_some_and(|code| code.starts_with("28"))
    }
}
