//! What MySQL and MariaDB are told in their own words.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{ConnectOptions, Error, MySql};

use crate::stores::sql::dialect::{Dialect, Executor};
use crate::stores::sql::open::setup;
use crate::stores::sql::setup_error::SqlSetupError;
use crate::stores::sql::speaks::speaks;
use crate::stores::sql::tables::Tables;
use crate::stores::sql::url::only_known;
use crate::stores::sql::wording::Syntax;

speaks!(MySql, MySqlRow);

/// How many rows there are to lock subjects by.
const LOCKS: i64 = 1000;

/// After so many seconds the server ends a connection that does nothing.
const IDLE: u64 = 10;

/// The options that a URL may have.
const OPTIONS: &[&str] = &[
    "charset",
    "collation",
    "socket",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "sslca",
    "sslcert",
    "sslkey",
    "sslmode",
    "statement-cache-capacity",
    "time-zone",
    "timezone",
];

#[async_trait]
impl Dialect for MySql {
    type Options = MySqlConnectOptions;
    type Extra = ();

    /// The server notices at once when two steps wait for each other.
    const WORDING: Syntax = Syntax {
        greatest: "GREATEST",
        unless_taken: "",
        returning: false,
        locks_rows: false,
        numbered: false,
    };
    const BEGIN: &'static str = "START TRANSACTION";
    const MIGRATIONS: &'static [&'static str] =
        &[include_str!("../../../../migrations/mysql/1.sql")];
    const HAS_TABLES: &'static str = "SELECT COUNT(*) = 3 FROM information_schema.tables \
                                      WHERE table_schema = DATABASE() AND table_name IN \
                                      ('auth_migrations', 'auth_locks', 'auth_sign_ins')";
    /// To lock a row that is not there locks nothing.
    const IS_WHOLE: Option<&'static str> = Some("SELECT COUNT(*) = 1000 FROM auth_locks");
    const CONNECTIONS: u32 = 10;
    const TIMEOUT: Duration = Duration::from_secs(1);
    const ONE_WRITER: bool = false;
    /// A statement that writes sees each row as it is when it comes there.
    const LOCKS_ALWAYS: bool = true;

    fn told((): &()) -> Option<&'static str> {
        None
    }

    /// The server sets no limit to a statement.
    fn begin_at_length(_limit: Duration) -> String {
        "START TRANSACTION READ ONLY".to_owned()
    }

    fn options(
        url: &str,
        _timeout: Duration,
        _tables: Tables,
    ) -> Result<MySqlConnectOptions, SqlSetupError> {
        if !url.starts_with("mysql://") && !url.starts_with("mariadb://") {
            return Err(SqlSetupError::Url("its scheme is not mysql or mariadb".into()));
        }
        only_known(url, OPTIONS)?;
        let options: MySqlConnectOptions = url.parse().map_err(setup::<Self>)?;
        if options.get_database().is_none() {
            return Err(SqlSetupError::Url("it names no database".into()));
        }
        Ok(options.disable_statement_logging())
    }

    /// What does not fit is refused, and never cut off. A node that stands still in the middle of a
    /// transaction loses its connection and its locks: in MariaDB as soon as its step's time is over,
    /// in MySQL, which has no such limit, when it was idle for as long as any connection may be.
    async fn connect(
        options: &MySqlConnectOptions,
        timeout: Duration,
    ) -> Result<MySqlConnection, Error> {
        let mut connection = options.connect().await?;
        let seconds = timeout.as_secs().max(1);
        let settings = format!(
            "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED; \
             SET SESSION innodb_lock_wait_timeout = {seconds}, autocommit = 1, \
             wait_timeout = {}, \
             sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION' \
             /*M! , idle_transaction_timeout = {seconds} */",
            seconds.max(IDLE)
        );
        Self::script(&mut connection, &settings).await?;
        Ok(connection)
    }

    fn lock(key: i64) -> Option<String> {
        let number = key.rem_euclid(LOCKS);
        Some(format!("SELECT number FROM auth_locks WHERE number = {number} FOR UPDATE"))
    }

    /// Every statement about tables commits: what holds others up is the connection.
    async fn begin_migration(connection: &mut MySqlConnection) -> Result<(), Error> {
        let lock = "SELECT GET_LOCK(MD5(CONCAT(DATABASE(), '.auth_migrations')), 60)";
        let rows = Self::fetch(connection, lock, &[]).await?;
        match Self::int(rows.first().ok_or(Error::RowNotFound)?, 0)? {
            1 => Ok(()),
            _ => Err(Error::Protocol("somebody else migrates, and does not end".into())),
        }
    }

    async fn vet(connection: &mut MySqlConnection) -> Result<(), SqlSetupError> {
        let rows = Self::fetch(connection, "SELECT VERSION()", &[]).await.map_err(setup::<Self>)?;
        let version = rows.first().ok_or(Error::RowNotFound).and_then(|row| Self::bytes(row, 0));
        let version = version.map_err(setup::<Self>)?.unwrap_or_default();
        let version = String::from_utf8_lossy(&version).into_owned();
        let (least, needed) = match version.contains("MariaDB") {
            true => ((10, 6), "MariaDB 10.6"),
            false => ((8, 0), "MySQL 8.0"),
        };
        if numbers(&version) < least {
            return Err(SqlSetupError::TooOld { version, needed });
        }
        Ok(())
    }

    /// A deadlock, or a lock that was waited for in vain.
    fn is_conflict(error: &dyn DatabaseError) -> bool {
        matches!(number(error), Some(1213 | 1205))
    }

    /// The server shuts down, somebody has killed the connection, or it was idle for too long.
    fn ends_connection(error: &dyn DatabaseError) -> bool {
        matches!(number(error), Some(1053 | 1927 | 4031))
    }

    fn is_login(error: &dyn DatabaseError) -> bool {
        matches!(number(error), Some(1044 | 1045 | 1698))
    }
}

fn number(error: &dyn DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<MySqlDatabaseError>().map(MySqlDatabaseError::number)
}

/// The first two numbers of a version.
fn numbers(version: &str) -> (u32, u32) {
    let mut numbers = version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(numbers("10.11.19-MariaDB-0+deb12u1"), (10, 11));
        assert_eq!(numbers("8.4.3"), (8, 4));
        assert_eq!(numbers("later"), (0, 0));
    }
}
