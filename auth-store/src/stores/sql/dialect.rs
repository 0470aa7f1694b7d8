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
use super::statements::Syntax;

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

/// Whether the store expects the tables, or creates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tables {
    Required,
    Create,
}

/// Executes statements through sqlx.
#[async_trait]
pub(super) trait Executor: Database {
    /// Returns the rows that a statement produces.
    async fn fetch(
        connection: &mut Self::Connection,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Self::Row>, Error>;

    /// Executes a statement, and returns the number of rows that it changed.
    async fn execute(
        connection: &mut Self::Connection,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<u64, Error>;

    /// Executes several statements without parameters in one round trip.
    async fn script(connection: &mut Self::Connection, text: &str) -> Result<(), Error>;

    fn int(row: &Self::Row, column: usize) -> Result<i64, Error>;

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
    /// The scripts that create the tables, in the order of their execution.
    const MIGRATIONS: &'static [&'static str];
    /// Returns 1 if the table of migrations exists, and 0 if not.
    const HAS_TABLES: &'static str;
    /// Returns 1 if the tables contain the rows that the scripts inserted and operations rely on.
    /// If it returns 0, all scripts run again; they must be repeatable then.
    const HAS_ROWS: Option<&'static str>;
    /// The default of `max_connections`.
    const MAX_CONNECTIONS: u32;
    /// The default of `timeout`.
    const TIMEOUT: Duration;
    /// Whether the database admits one writer at a time, so that all writers share one connection.
    const SINGLE_WRITER: bool;
    /// Whether every operation on a subject must lock it, rather than only a sign-in with a limit.
    /// This is so where a statement does not see a consistent snapshot.
    const ALWAYS_LOCKS: bool;

    /// Returns the expression that announces a row, if the store announces changes.
    fn notification(extra: &Self::Extra) -> Option<&'static str>;

    /// Returns the statements that begin a read-only transaction whose statements may take this long.
    fn begin_read_only(limit: Duration) -> String;

    /// Returns the statement that locks a subject until the transaction ends, or none if the
    /// transaction is the only writer anyway. It follows [`BEGIN`](Self::BEGIN).
    fn lock(key: i64) -> Option<String>;

    /// Parses a URL.
    fn options(
        url: &str,
        timeout: Duration,
        tables: Tables,
    ) -> Result<Self::Options, SqlSetupError>;

    /// Opens a connection, and applies the session settings that the store relies on.
    async fn connect(options: &Self::Options, timeout: Duration)
    -> Result<Self::Connection, Error>;

    /// Checks the server's version.
    async fn check_version(connection: &mut Self::Connection) -> Result<(), SqlSetupError>;

    /// Begins a transaction, as far as the database has one for tables, and blocks other migrations
    /// until the connection ends.
    async fn begin_migration(connection: &mut Self::Connection) -> Result<(), Error>;

    /// Returns whether the database rolled the transaction back because of another one, so that it
    /// can be retried.
    fn is_conflict(error: &dyn DatabaseError) -> bool;

    /// Returns whether the server closes the connection after this error.
    fn closes_connection(error: &dyn DatabaseError) -> bool;

    /// Returns whether the server rejected the user or the password.
    fn is_authentication(error: &dyn DatabaseError) -> bool;
}

/// Implements [`Executor`] for one of sqlx's databases.
macro_rules! executor {
    ($database:ty, $row:ty) => {
        #[async_trait::async_trait]
        impl $crate::stores::sql::dialect::Executor for $database {
            async fn fetch(
                connection: &mut Self::Connection,
                text: &str,
                values: &[$crate::stores::sql::dialect::Value<'_>],
            ) -> Result<Vec<$row>, sqlx::Error> {
                let query = $crate::stores::sql::dialect::bind!($database, text, values);
                sqlx::Executor::fetch_all(connection, query).await
            }

            async fn execute(
                connection: &mut Self::Connection,
                text: &str,
                values: &[$crate::stores::sql::dialect::Value<'_>],
            ) -> Result<u64, sqlx::Error> {
                let query = $crate::stores::sql::dialect::bind!($database, text, values);
                Ok(sqlx::Executor::execute(connection, query).await?.rows_affected())
            }

            async fn script(
                connection: &mut Self::Connection,
                text: &str,
            ) -> Result<(), sqlx::Error> {
                sqlx::Executor::execute(connection, text).await.map(|_| ())
            }

            fn int(row: &$row, column: usize) -> Result<i64, sqlx::Error> {
                sqlx::Row::try_get_unchecked(row, column)
            }

            fn bytes(row: &$row, column: usize) -> Result<Option<Vec<u8>>, sqlx::Error> {
                sqlx::Row::try_get_unchecked(row, column)
            }
        }
    };
}

/// Binds the parameters of a statement.
macro_rules! bind {
    ($database:ty, $text:ident, $values:ident) => {{
        let mut query = sqlx::query::<$database>($text);
        for value in $values {
            query = match *value {
                $crate::stores::sql::dialect::Value::Int(number) => query.bind(number),
                $crate::stores::sql::dialect::Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

pub(super) use {bind, executor};
