//! The errors of the SQL stores: [`SqlSetupError`] when a store is opened, and [`Failure`] when an
//! operation fails. Neither contains the URL or the password.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use auth_core::BoxError;
use sqlx::Error;

use super::dialect::Dialect;
use crate::error::{StoreError, StoreErrorKind};
use crate::record::encoding::Malformed;

/// The reason why a store in a database cannot be opened. It never contains the password.
#[derive(Debug)]
#[non_exhaustive]
pub enum SqlSetupError {
    /// The URL is invalid.
    Url(BoxError),
    /// A URL of SQLite names no file. To keep sign-ins in memory, use
    /// [`MemoryStore`](crate::MemoryStore).
    InMemory,
    /// The URL requests TLS, but the feature `sql-tls` is disabled.
    TlsDisabled,
    /// `max_connections` is zero.
    ZeroConnections,
    /// The timeout is shorter than one millisecond, the unit of the databases, or longer than one
    /// hour.
    InvalidTimeout,
    /// The server rejected the user or the password.
    Authentication(BoxError),
    /// The server is older than the oldest supported version.
    TooOld {
        /// The server's version.
        version: String,
        /// The oldest supported version.
        needed: &'static str,
    },
    /// The tables are missing or belong to an earlier version. Call `migrate` on the builder, or
    /// execute the scripts in the crate's folder `migrations`.
    NotMigrated,
    /// A connection pooler shares the server's sessions among its clients, so that settings and
    /// prepared statements of one affect the others. Use session pooling, which is
    /// `pool_mode = session` in PgBouncer, or connect to the database directly.
    SharedSessions,
    /// The server accepts no writes: it is a standby or a replica, or it is set to be read-only.
    /// Connect to the primary.
    ReadOnly,
    /// The database answered with an error: the database does not exist, the user lacks a privilege
    /// on the tables, the server has no free connection or is starting up, or SQLite cannot open the
    /// file. The source contains the database's message.
    Refused(BoxError),
    /// The database was not reached, or its answer was invalid.
    Unavailable(BoxError),
}

impl SqlSetupError {
    /// Classifies an error of sqlx that occurred while a store was opened.
    pub(super) fn from_sqlx<D: Dialect>(error: Error) -> Self {
        match error {
            Error::Configuration(source) => Self::Url(source),
            Error::Tls(_) if cfg!(not(feature = "sql-tls")) => Self::TlsDisabled,
            Error::Database(error) if D::is_authentication(&*error) => {
                Self::Authentication(Error::Database(error).into())
            }
            Error::Database(error) => Self::Refused(Error::Database(error).into()),
            other => Self::Unavailable(other.into()),
        }
    }

    /// Classifies a failure that occurred while a store was opened.
    pub(super) fn from_failure<D: Dialect>(failure: Failure) -> Self {
        match failure {
            Failure::Database(error) => Self::from_sqlx::<D>(error),
            Failure::Shared => Self::SharedSessions,
            Failure::ReadOnly => Self::ReadOnly,
            other => Self::Unavailable(other.into()),
        }
    }

    /// Returns whether the database rolled a migration back because of another one.
    pub(super) fn is_conflict<D: Dialect>(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        match error.downcast_ref::<Error>() {
            Some(Error::Database(error)) => D::is_conflict(&**error),
            _ => false,
        }
    }

    /// The database did not answer within this time.
    pub(super) fn timed_out(limit: Duration) -> Self {
        Self::Unavailable(Failure::TimedOut(limit).into())
    }
}

impl fmt::Display for SqlSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(_) => f.write_str("the URL of the database is invalid"),
            Self::InMemory => f.write_str("an in-memory database keeps nothing: name a file"),
            Self::TlsDisabled => f.write_str("the URL requests TLS: enable the feature `sql-tls`"),
            Self::ZeroConnections => f.write_str("`max_connections` must be at least 1"),
            Self::InvalidTimeout => f.write_str("`timeout` must be between 1 millisecond and 1 hour"),
            Self::Authentication(_) => f.write_str("the database rejected the user or password"),
            Self::TooOld { version, needed } => {
                write!(f, "the database is {version}, but {needed} or newer is required")
            }
            Self::NotMigrated => f.write_str(
                "the tables are missing or belong to an earlier version: \
                 call `migrate` on the store's builder, or run the scripts in auth-store/migrations",
            ),
            Self::SharedSessions => f.write_str(
                "a connection pooler shares the server's sessions among its clients: use session \
                 pooling (`pool_mode = session` in PgBouncer), or connect to the database directly",
            ),
            Self::ReadOnly => f.write_str(
                "the server is a standby or read-only: connect to the primary, which accepts writes",
            ),
            Self::Refused(_) => f.write_str("the database refused the request"),
            Self::Unavailable(_) => f.write_str("the database was not reached"),
        }
    }
}

auth_core::error_with_source!(SqlSetupError: Url, Authentication, Refused, Unavailable);

/// The reason why an operation failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database returned an error, or did not answer.
    Database(Error),
    /// A stored value cannot be decoded.
    Malformed(Malformed),
    /// The id of the new sign-in exists already.
    DuplicateId,
    /// The operation exceeded its timeout.
    TimedOut(Duration),
    /// The session of the connection is also that of another connection, or is another one than before.
    Shared,
    /// The server accepts no writes.
    ReadOnly,
    /// The rows are not those that were asked for.
    Foreign,
    /// sqlx panicked while it decoded an answer.
    Panicked,
}

impl Failure {
    /// Returns whether the database rolled the operation back because of another one, so that it can
    /// be retried.
    pub(super) fn is_conflict<D: Dialect>(&self) -> bool {
        matches!(self, Self::Database(Error::Database(error)) if D::is_conflict(&**error))
    }

    /// Returns whether the connection remains usable: the database answered, and does not close it.
    pub(super) fn keeps_connection<D: Dialect>(&self) -> bool {
        match self {
            Self::Database(Error::Database(error)) => !D::closes_connection(&**error),
            Self::Database(_) | Self::TimedOut(_) => false,
            Self::Shared | Self::ReadOnly | Self::Foreign | Self::Panicked => false,
            Self::Malformed(_) | Self::DuplicateId => true,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
            Self::DuplicateId => f.write_str("a sign-in with this id exists already"),
            Self::TimedOut(limit) => write!(f, "no answer within {limit:?}"),
            Self::Shared => f.write_str("a pooler mixes the sessions of its clients"),
            Self::ReadOnly => f.write_str("the server is a standby or read-only"),
            Self::Foreign => f.write_str("the answer has other rows than those asked for"),
            Self::Panicked => f.write_str("the answer violates the protocol"),
        }
    }
}

impl StdError for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::DuplicateId => Self::duplicate_id(),
            Failure::Malformed(error) => Self::new(StoreErrorKind::Invalid, error),
            failure => Self::unavailable(failure),
        }
    }
}
