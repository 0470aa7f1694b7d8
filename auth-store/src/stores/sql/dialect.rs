//! The interface to a database: how sqlx executes statements, and what the three databases do
//! differently.
//!
//! [`Executor`] hides sqlx's generics, which every function that executes a statement would have to
//! repeat; the macro [`executor!`] implements it. [`Dialect`] is the list of differences. All SQL
//! that the databases share is in [`statements`](super::statements).

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::{Database, Error};

use super::error::SqlSetupError;
use super::session::Session;
use super::statements::{Statement, Syntax};
use crate::stores::database_options::DatabaseOptions;

/// A parameter of a statement.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Int(Option<i64>),
    Bytes(Option<&'a [u8]>),
}

impl<'a> Value<'a> {
    pub(super) fn int(number: i64) -> Self {
        Self::Int(Some(number))
    }

    pub(super) fn bytes(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

/// Executes statements through sqlx.
#[async_trait]
pub(super) trait Executor: Database {
    /// Executes a statement of the store, and returns the rows that it produces.
    async fn fetch(
        session: &mut Session<Self>,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<Self::Row>, Error>
    where
        Self: Dialect;

    /// Executes a statement of the store, and returns the number of rows that it changed.
    async fn execute(
        session: &mut Session<Self>,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, Error>
    where
        Self: Dialect;

    /// Executes statements without parameters in one round trip, and returns the rows that they
    /// produce.
    async fn query(connection: &mut Self::Connection, text: &str) -> Result<Vec<Self::Row>, Error>;

    /// Executes statements without parameters in one round trip.
    async fn script(connection: &mut Self::Connection, text: &str) -> Result<(), Error>;

    /// Returns the number in a column. A missing column, NULL and another type are errors.
    fn int(row: &Self::Row, column: usize) -> Result<i64, Error>;

    /// Returns the bytes in a column. A missing column and another type are errors.
    fn bytes(row: &Self::Row, column: usize) -> Result<Option<Vec<u8>>, Error>;
}

/// The differences between the databases.
#[async_trait]
pub(super) trait Dialect: Executor {
    /// sqlx's connection options.
    type Options: Clone + Send + Sync + 'static;
    /// The options of the store that only this database has.
    type Extra: Clone + Default + std::fmt::Debug + Send + Sync + 'static;

    const SYNTAX: Syntax;
    /// Begins a transaction that writes.
    const BEGIN: &'static str;
    /// Selects the number of the session, 1 if the server accepts no writes and 0 if it does, and a
    /// number of the server. None if the database has no sessions.
    const STATE: Option<&'static str> = None;
    /// The scripts that create the tables, in the order of their execution.
    const MIGRATIONS: &'static [&'static str];
    /// Returns 1 if the table of migrations exists, and 0 if not.
    const HAS_TABLES: &'static str;
    /// Returns 1 if the tables contain the rows that the scripts inserted and operations rely on.
    /// If it returns 0, all scripts run again; they must be repeatable then.
    const HAS_ROWS: Option<&'static str> = None;
    /// Whether the database admits one writer at a time, so that all writers share one connection.
    const SINGLE_WRITER: bool = false;
    /// Whether every operation on a subject must lock it, rather than only a sign-in with a limit.
    /// This is so where a statement does not see a consistent snapshot.
    const ALWAYS_LOCKS: bool = false;

    /// Returns the expression that announces a row, if the store announces changes.
    fn notification(_extra: &Self::Extra) -> Option<&'static str> {
        None
    }

    /// Returns the statements that begin a read-only transaction whose statements may take this long.
    fn begin_read_only(limit: Duration) -> String;

    /// Returns the statement that locks a subject until the transaction ends, or none if the
    /// transaction is the only writer anyway. It follows [`BEGIN`](Self::BEGIN).
    fn lock(_key: i64) -> Option<String> {
        None
    }

    /// Parses a URL, and applies those of the other options that are for each connection.
    fn options(url: &str, options: &DatabaseOptions) -> Result<Self::Options, SqlSetupError>;

    /// Opens a connection. Changes no setting of the session, which may be that of a pooler.
    async fn open(options: &Self::Options) -> Result<Self::Connection, Error>;

    /// Returns the statements that apply the session settings that the store relies on.
    fn settings(_timeout: Duration) -> Option<String> {
        None
    }

    /// Checks the server's version. SQLite is built with the crate.
    async fn check_version(_connection: &mut Self::Connection) -> Result<(), SqlSetupError> {
        Ok(())
    }

    /// Begins a transaction, as far as the database has one for tables, and blocks other migrations
    /// until the connection ends.
    async fn begin_migration(connection: &mut Self::Connection) -> Result<(), Error>;

    /// Returns whether the database rolled the transaction back because of another one, so that it
    /// can be retried.
    fn is_conflict(error: &dyn DatabaseError) -> bool;

    /// Returns whether the server closes the connection after this error.
    fn closes_connection(_error: &dyn DatabaseError) -> bool {
        false
    }

    /// Returns whether the server rejected the user or the password.
    fn is_authentication(_error: &dyn DatabaseError) -> bool {
        false
    }
}

/// Implements [`Executor`] for one of sqlx's databases. The third argument is sqlx's function that reads
/// a number, and the last one makes sqlx's query from a session, a statement and its values.
macro_rules! executor {
    ($database:ty, $row:ty, $try_get:ident, |$session:ident, $statement:ident, $values:ident| $query:expr) => {
        #[async_trait::async_trait]
        impl $crate::stores::sql::dialect::Executor for $database {
            async fn fetch(
                $session: &mut $crate::stores::sql::session::Session<Self>,
                $statement: &$crate::stores::sql::statements::Statement,
                $values: &[$crate::stores::sql::dialect::Value<'_>],
            ) -> Result<Vec<$row>, sqlx::Error> {
                let query = $query;
                sqlx::Executor::fetch_all(&mut $session.raw, query).await
            }

            async fn execute(
                $session: &mut $crate::stores::sql::session::Session<Self>,
                $statement: &$crate::stores::sql::statements::Statement,
                $values: &[$crate::stores::sql::dialect::Value<'_>],
            ) -> Result<u64, sqlx::Error> {
                let query = $query;
                Ok(sqlx::Executor::execute(&mut $session.raw, query).await?.rows_affected())
            }

            async fn query(
                connection: &mut Self::Connection,
                text: &str,
            ) -> Result<Vec<$row>, sqlx::Error> {
                sqlx::Executor::fetch_all(connection, text).await
            }

            async fn script(
                connection: &mut Self::Connection,
                text: &str,
            ) -> Result<(), sqlx::Error> {
                sqlx::Executor::execute(connection, text).await.map(|_| ())
            }

            fn int(row: &$row, column: usize) -> Result<i64, sqlx::Error> {
                let number: Option<i64> = sqlx::Row::$try_get(row, column)?;
                number.ok_or_else(|| sqlx::Error::ColumnDecode {
                    index: column.to_string(),
                    source: Box::new(sqlx::error::UnexpectedNullError),
                })
            }

            fn bytes(row: &$row, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error> {
                sqlx::Row::try_get(row, column)
            }
        }
    };
}

pub(super) use executor;
