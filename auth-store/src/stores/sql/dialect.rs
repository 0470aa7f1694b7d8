//! What the databases differ in.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::error::DatabaseError;
use sqlx::{Database, Error};

use super::setup_error::SqlSetupError;
use super::tables::Tables;
use super::value::Value;
use super::wording::Syntax;

/// How sqlx speaks to a database; see [`speaks`](super::speaks).
#[async_trait]
pub(super) trait Executor: Database {
    /// The rows that a statement answers.
    async fn fetch(
        connection: &mut Self::Connection,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Self::Row>, Error>;

    /// How many rows a statement changed.
    async fn execute(
        connection: &mut Self::Connection,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<u64, Error>;

    /// Executes statements without values, sent at once.
    async fn script(connection: &mut Self::Connection, text: &str) -> Result<(), Error>;

    fn int(row: &Self::Row, column: usize) -> Result<i64, Error>;

    fn bytes(row: &Self::Row, column: usize) -> Result<Option<Vec<u8>>, Error>;
}

/// What the databases differ in.
#[async_trait]
pub(super) trait Dialect: Executor {
    /// Where the database is, and how to speak to it.
    type Options: Clone + Send + Sync + 'static;
    /// What this database alone has to be told.
    type Extra: Clone + Default + std::fmt::Debug + Send + Sync + 'static;

    /// The words that this database does not share with others.
    const WORDING: Syntax;
    /// How a transaction begins that will write.
    const BEGIN: &'static str;
    /// How a transaction begins that only reads, and whose statements may take so long.
    fn begin_at_length(limit: Duration) -> String;
    /// The scripts that make the tables, in turn.
    const MIGRATIONS: &'static [&'static str];
    /// How many connections there are at most, unless more are asked for.
    const CONNECTIONS: u32;
    /// How long a step may take, unless it is told otherwise.
    const TIMEOUT: Duration;
    /// Whether the database lets one writer in at a time, so that all of them use one connection.
    const ONE_WRITER: bool;

    /// The words for the statements that announce, if they do.
    fn told(extra: &Self::Extra) -> Option<&'static str>;

    fn options(
        url: &str,
        timeout: Duration,
        tables: Tables,
    ) -> Result<Self::Options, SqlSetupError>;

    /// A connection that is set as the store needs it.
    async fn connect(options: &Self::Options, timeout: Duration)
    -> Result<Self::Connection, Error>;

    /// Locks a subject to the end of a transaction: what follows [`BEGIN`](Self::BEGIN). None where a
    /// transaction that writes is alone anyway.
    fn lock(key: i64) -> Option<String>;

    /// Whether all steps about a subject have to lock it, and not only sign-ins that are limited:
    /// the statements of this database do not see one moment each.
    const LOCKS_ALWAYS: bool;

    /// Begins a transaction, as far as there is one for tables, and holds other migrations up until
    /// the connection ends.
    async fn begin_migration(connection: &mut Self::Connection) -> Result<(), Error>;

    /// Answers 1 if the table of migrations is there, and 0 if not.
    const HAS_TABLES: &'static str;

    /// Answers 1 if the tables hold what the scripts put there and steps rely on. Otherwise all
    /// scripts are run again, which can be repeated then.
    const IS_WHOLE: Option<&'static str>;

    /// Whether the server is one that the store can use.
    async fn vet(connection: &mut Self::Connection) -> Result<(), SqlSetupError>;

    /// Whether a transaction was undone because another was in its way: it may be tried again.
    fn is_conflict(error: &dyn DatabaseError) -> bool;

    /// Whether the server ends the connection with this error.
    fn ends_connection(error: &dyn DatabaseError) -> bool;

    /// Whether the server knows no such user and password.
    fn is_login(error: &dyn DatabaseError) -> bool;
}
