//! [`MySqlStore`], which stores sign-ins in MySQL or MariaDB.
//!
//! Its [`Dialect`] lists the differences from the other databases.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{ConnectOptions, Error, MySql};

use super::dialect::{Dialect, Executor, executor};
use super::error::SqlSetupError;
use super::statements::Syntax;
use super::store::sql_store;
use super::url::server_options;
use crate::stores::database_options::DatabaseOptions;
use crate::stores::url_options::{MAX_CONNECTIONS, Meaning, TIMEOUT, UrlOption};

sql_store! {
    /// Stores sign-ins in MySQL or MariaDB, for several servers that share them, next to the
    /// application's own tables.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), auth_store::SqlSetupError> {
    /// use auth_store::MySqlStore;
    ///
    /// let url = "mysql://app:secret@localhost/shop";
    /// let store = MySqlStore::builder(url).migrate().connect().await?;
    /// # let _ = store; Ok(())
    /// # }
    /// ```
    ///
    /// # Requirements
    ///
    /// MySQL 8.0, MariaDB 10.6, or newer, with InnoDB; the tests run on MariaDB. The clock, time
    /// zone, collation and SQL mode of the server do not matter. Each statement that creates a
    /// table commits implicitly, so a `migrate` that was interrupted is repeated.
    ///
    /// The server must accept writes, and a connection pooler in between must keep a session for each
    /// connection. The store checks both when it connects, and once per second on each connection in use.
    /// If a check fails, operations fail as unavailable.
    ///
    /// `connect_timeout` in the URL limits the time to open each connection at start. It defaults to
    /// four times the [`timeout`](MySqlStoreBuilder::timeout). Options that the store cannot honor,
    /// unknown ones, and an option that is set twice are rejected. With the feature `sql-tls`, set
    /// `ssl-mode=VERIFY_IDENTITY` in the URL, and set `ssl-ca` to the file of your own certificate
    /// authority if you have one. Other modes, including the default, do not verify the server's
    /// identity.
    ///
    /// # Operations
    ///
    /// | operation | round trips |
    /// |---|---|
    /// | `load`, `touch`, `list`, the end of one sign-in | 1 |
    /// | `update`, `rotate` | 4 in one transaction |
    /// | the end of all sign-ins of a subject, `update_subject`, `swap_principal` | 3 in one transaction |
    /// | `create` for a subject | 3 in one transaction; with a limit 4, and 1 more to evict |
    /// | `create` of an anonymous sign-in | 1 |
    ///
    /// An operation fails as unavailable if it exceeds the timeout, waiting for a connection included.
    /// If the server rolls it back because of another operation, it is retried within that time.
    /// Acknowledged operations are as durable as `innodb_flush_log_at_trx_commit` and the replicas
    /// make them; keep the default of 1.
    ///
    /// A node that freezes within a transaction keeps the lock on a thousandth of all subjects: in
    /// MariaDB for the timeout of an operation, and in MySQL for ten seconds or the timeout, whichever
    /// is longer.
    ///
    /// The store does not remove expired sign-ins by itself; a [`SignInManager`](crate::SignInManager)
    /// [sweeps](crate::Store::sweep) it.
    ///
    /// This store does not announce changes. A near cache in front of it serves a sign-in that another
    /// node ended for as long as its TTL.
    MySqlStore,
    /// Configures a [`MySqlStore`].
    MySqlStoreBuilder,
    MySql
}

// The values are part of the text. MySQL keeps no plans, so prepared statements would save little,
// and a pooler in between may lose them.
executor!(MySql, MySqlRow, try_get, |session, statement, values| {
    &*statement.with_literals(values, ["x'", "'"])
});

/// The number of rows in `auth_locks`.
const LOCKS: i64 = 1000;

/// The number of seconds after which the server closes an idle connection.
const IDLE: u64 = 10;

/// The options of sqlx, and of the drivers whose URLs hosting providers hand out.
const OPTIONS: &[UrlOption] = &[
    (&["charset", "collation", "socket", "statement-cache-capacity"], Meaning::Applied),
    (&["ssl-ca", "ssl-cert", "ssl-key", "ssl-mode"], Meaning::Applied),
    (&["sslca", "sslcert", "sslkey", "sslmode"], Meaning::Applied),
    (&["connect_timeout"], Meaning::ConnectTimeout),
    (
        // The store reconnects, and stores numbers and bytes only.
        &["autoReconnect", "parseTime", "reconnect", "serverTimezone", "time-zone", "timezone"],
        Meaning::AlwaysMet,
    ),
    (&["characterEncoding", "encoding", "loc", "useUnicode"], Meaning::AlwaysMet),
    (
        &["requireSSL", "ssl", "sslMode", "ssl_mode", "sslaccept", "tls", "useSSL"],
        Meaning::Rejected(
            "set `ssl-mode=VERIFY_IDENTITY`, or `ssl-mode=REQUIRED` without verification",
        ),
    ),
    (&["ssl_ca", "ssl_capath", "sslcapath"], Meaning::Rejected("set `ssl-ca`")),
    (&["ssl_cert"], Meaning::Rejected("set `ssl-cert`")),
    (&["ssl_key"], Meaning::Rejected("set `ssl-key`")),
    (&["unix_socket"], Meaning::Rejected("set `socket`")),
    (&["connectTimeout"], Meaning::Rejected("set `connect_timeout`, in seconds")),
    (
        &["connectionLimit", "connection_limit", "max_connections", "pool", "pool_size"],
        MAX_CONNECTIONS,
    ),
    (
        &[
            "pool_timeout",
            "readTimeout",
            "read_timeout",
            "socketTimeout",
            "socket_timeout",
            "timeout",
            "writeTimeout",
            "write_timeout",
        ],
        TIMEOUT,
    ),
];

#[async_trait]
impl Dialect for MySql {
    type Options = MySqlConnectOptions;
    type Extra = ();

    /// The server detects deadlocks at once, so statements need not lock their rows in order.
    const SYNTAX: Syntax =
        Syntax { greatest: "GREATEST", on_conflict: "", returning: false, locks_rows: false };
    const BEGIN: &'static str = "START TRANSACTION";
    /// A replica is read-only: `super_read_only` implies `read_only`. Servers of a cluster that all
    /// accept writes are equal.
    const STATE: Option<&'static str> = Some(
        "SELECT CAST(CONNECTION_ID() AS SIGNED), \
         CAST(CASE WHEN @@GLOBAL.read_only IN ('0', 'OFF') AND @@GLOBAL.innodb_read_only = 0 \
         THEN 0 ELSE 1 END AS SIGNED), CAST(0 AS SIGNED)",
    );
    const MIGRATIONS: &'static [&'static str] = &[include_str!("../../../migrations/mysql/1.sql")];
    const HAS_TABLES: &'static str = "SELECT COUNT(*) = 3 FROM information_schema.tables \
                                      WHERE table_schema = DATABASE() AND table_name IN \
                                      ('auth_migrations', 'auth_locks', 'auth_sign_ins')";
    /// Locking a row that does not exist locks nothing.
    const HAS_ROWS: Option<&'static str> = Some("SELECT COUNT(*) = 1000 FROM auth_locks");
    /// A statement that writes reads the latest version of each row rather than a snapshot.
    const ALWAYS_LOCKS: bool = true;

    /// The session has no statement timeout that would have to be raised.
    fn begin_read_only(_limit: Duration) -> String {
        "START TRANSACTION READ ONLY".to_owned()
    }

    fn options(url: &str, _: &DatabaseOptions) -> Result<MySqlConnectOptions, SqlSetupError> {
        let options = server_options::<Self>(url, ["mysql", "mariadb"], OPTIONS)?;
        if options.get_database().is_none() {
            return Err(SqlSetupError::Url("the URL contains no database".into()));
        }
        // sqlx would change settings of the session, which may be that of a pooler.
        let options = options.pipes_as_concat(false).no_engine_substitution(false);
        Ok(options.timezone(None).set_names(false).disable_statement_logging())
    }

    async fn open(options: &MySqlConnectOptions) -> Result<MySqlConnection, Error> {
        options.connect().await
    }

    /// The SQL mode rejects values that do not fit instead of truncating them. A node that freezes
    /// within a transaction loses its connection and its locks: in MariaDB after the timeout of the
    /// operation, in MySQL, which has no such setting, after the limit for any idle connection.
    fn settings(timeout: Duration) -> Option<String> {
        let seconds = timeout.as_secs().max(1);
        Some(format!(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
             SET SESSION innodb_lock_wait_timeout = {seconds}, autocommit = 1, \
             wait_timeout = {}, \
             sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION' \
             /*M! , idle_transaction_timeout = {seconds} */",
            seconds.max(IDLE)
        ))
    }

    fn lock(key: i64) -> Option<String> {
        let number = key.rem_euclid(LOCKS);
        Some(format!("SELECT number FROM auth_locks WHERE number = {number} FOR UPDATE"))
    }

    /// Every statement that changes tables commits, so the lock belongs to the connection.
    async fn begin_migration(connection: &mut MySqlConnection) -> Result<(), Error> {
        let lock = "SELECT GET_LOCK(MD5(CONCAT(DATABASE(), '.auth_migrations')), 60)";
        let rows = Self::query(connection, lock).await?;
        match Self::int(rows.first().ok_or(Error::RowNotFound)?, 0)? {
            1 => Ok(()),
            _ => Err(Error::Protocol("another migration did not end in time".into())),
        }
    }

    async fn check_version(connection: &mut MySqlConnection) -> Result<(), SqlSetupError> {
        let rows = Self::query(connection, "SELECT VERSION()")
            .await
            .map_err(SqlSetupError::from_sqlx::<Self>)?;
        let version = rows.first().ok_or(Error::RowNotFound).and_then(|row| Self::bytes(row, 0));
        let version = version.map_err(SqlSetupError::from_sqlx::<Self>)?.unwrap_or_default();
        let version = String::from_utf8_lossy(&version).into_owned();
        let (minimum, needed) = match version.contains("MariaDB") {
            true => ((10, 6), "MariaDB 10.6"),
            false => ((8, 0), "MySQL 8.0"),
        };
        if major_minor(&version) < minimum {
            return Err(SqlSetupError::TooOld { version, needed });
        }
        Ok(())
    }

    /// A deadlock, or a timeout while waiting for a lock.
    fn is_conflict(error: &dyn DatabaseError) -> bool {
        matches!(code(error), Some(1213 | 1205))
    }

    /// The server shuts down, the connection was killed, or it was idle for too long. On a server that
    /// became read-only, the connection is useless.
    fn closes_connection(error: &dyn DatabaseError) -> bool {
        matches!(code(error), Some(1053 | 1927 | 4031 | 1290 | 1792 | 1836))
    }

    fn is_authentication(error: &dyn DatabaseError) -> bool {
        matches!(code(error), Some(1044 | 1045 | 1698))
    }
}

fn code(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// Returns the major and minor number of a version.
fn major_minor(version: &str) -> (u32, u32) {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed() {
        assert_eq!(major_minor("10.11.19-MariaDB-0+deb12u1"), (10, 11));
        assert_eq!(major_minor("8.4.3"), (8, 4));
        assert_eq!(major_minor("later"), (0, 0));
    }
}
