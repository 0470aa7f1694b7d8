//! The errors of the store: [`MongoSetupError`] when it is opened, and [`Failure`] when an operation fails.
//! Neither contains the URL or the password.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use auth_core::BoxError;
use mongodb::error::{Error, ErrorKind, TRANSIENT_TRANSACTION_ERROR, WriteFailure};

use crate::error::{StoreError, StoreErrorKind};
use crate::record::encoding::Malformed;

/// The code of a write that conflicts with another transaction.
const WRITE_CONFLICT: i32 = 112;
/// The code of a write whose value of a unique index exists.
const DUPLICATE_KEY: i32 = 11000;
/// The code of a failed login.
const AUTHENTICATION_FAILED: i32 = 18;
/// The code of a user who lacks a privilege, and of a client that has not logged in.
const UNAUTHORIZED: i32 = 13;

/// The reason why a [`MongoStore`](crate::MongoStore) cannot be opened. It never contains the password.
#[derive(Debug)]
#[non_exhaustive]
pub enum MongoSetupError {
    /// The URL is invalid, or it has an option that the store cannot honor.
    Url(BoxError),
    /// `max_connections` is zero.
    ZeroConnections,
    /// The timeout is shorter than one millisecond or longer than one hour.
    InvalidTimeout,
    /// The server rejected the user or the password, or demands them.
    Authentication(BoxError),
    /// The server is older than MongoDB 5.0.
    TooOld {
        /// The newest protocol of the server, its `maxWireVersion`. That of MongoDB 5.0 is 13.
        wire_version: i32,
    },
    /// The server is a standalone one, which has no transactions. Start it as a replica set, which may have one
    /// member.
    Standalone,
    /// The collection or its indexes are missing. Call `migrate` on the builder.
    NotMigrated,
    /// An index exists with other keys or options than the store needs. Drop it, and call `migrate` on the
    /// builder.
    WrongIndex {
        /// The name of the index.
        name: String,
    },
    /// The user lacks one of the [privileges](crate::MongoStore#privileges). The source contains the server's
    /// message.
    MissingPrivilege(BoxError),
    /// The server answered with another error. The source contains the server's message.
    Refused(BoxError),
    /// No primary was reached, or its answer was invalid.
    Unavailable(BoxError),
}

impl MongoSetupError {
    /// Classifies an error of the driver that occurred while the store was opened.
    pub(super) fn from_driver(error: Error) -> Self {
        match &*error.kind {
            ErrorKind::Authentication { .. } => Self::Authentication(error.into()),
            ErrorKind::Command(command) if command.code == AUTHENTICATION_FAILED => {
                Self::Authentication(error.into())
            }
            ErrorKind::Command(command) if command.code == UNAUTHORIZED => {
                Self::MissingPrivilege(error.into())
            }
            ErrorKind::Command(_) | ErrorKind::Write(_) => Self::Refused(error.into()),
            ErrorKind::InvalidArgument { .. } | ErrorKind::InvalidTlsConfig { .. } => {
                Self::Url(error.into())
            }
            _ => Self::Unavailable(error.into()),
        }
    }
}

impl fmt::Display for MongoSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(problem) => write!(f, "invalid URL of MongoDB: {problem}"),
            Self::ZeroConnections => f.write_str("`max_connections` must be at least 1"),
            Self::InvalidTimeout => f.write_str("`timeout` must be between 1 millisecond and 1 hour"),
            Self::Authentication(_) => {
                f.write_str("MongoDB rejected the user or password, or demands them")
            }
            Self::TooOld { wire_version } => write!(
                f,
                "MongoDB 5.0 or newer is required, whose wire version is 13, but the server's is \
                 {wire_version}"
            ),
            Self::Standalone => f.write_str(
                "the server is standalone and has no transactions: start it as a replica set, which may \
                 have one member",
            ),
            Self::NotMigrated => f.write_str(
                "the collection or its indexes are missing: call `migrate` on the store's builder",
            ),
            Self::WrongIndex { name } => write!(
                f,
                "the index `{name}` has other keys or options than the store needs: drop it, and call \
                 `migrate` on the store's builder"
            ),
            Self::MissingPrivilege(_) => {
                f.write_str("the user lacks a privilege that the store needs")
            }
            Self::Refused(_) => f.write_str("MongoDB refused the request"),
            Self::Unavailable(_) => f.write_str("MongoDB was not reached"),
        }
    }
}

auth_core::error_with_source!(
    MongoSetupError: Authentication, MissingPrivilege, Refused, Unavailable
);

/// The reason why an operation failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server returned an error, or did not answer.
    Driver(Error),
    /// It is unknown whether the transaction was committed.
    UnknownCommit(Error),
    /// A stored value cannot be decoded.
    Malformed(Malformed),
    /// The id of the new sign-in exists already.
    DuplicateId,
    /// The lock of the subject was inserted by another transaction at the same time.
    LockTaken,
    /// The operation exceeded its timeout.
    TimedOut(Duration),
    /// The transaction was aborted because its timeout was over.
    Late,
    /// The store is closed.
    Closed,
    /// The task of the operation panicked.
    Panicked,
}

impl Failure {
    /// Returns whether the server has undone the transaction, so that it can be repeated.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Driver(error) => error.contains_label(TRANSIENT_TRANSACTION_ERROR),
            Self::LockTaken => true,
            _ => false,
        }
    }

    /// Returns whether another transaction is in the way.
    fn is_conflict(&self) -> bool {
        match self {
            Self::Driver(error) => code(error) == Some(WRITE_CONFLICT),
            Self::LockTaken => true,
            _ => false,
        }
    }
}

/// Returns whether an insertion failed because its id exists.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// Returns the code of the server's error, if it has answered with one.
pub(super) fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(command) => Some(command.code),
        ErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        _ => None,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Driver(error) => error.fmt(f),
            Self::UnknownCommit(error) => write!(f, "it is unknown whether it happened: {error}"),
            Self::Malformed(error) => error.fmt(f),
            Self::DuplicateId => f.write_str("a sign-in with this id exists already"),
            Self::LockTaken => f.write_str("another sign-in of the subject is in the way"),
            Self::TimedOut(limit) => write!(f, "no answer within {limit:?}"),
            Self::Late => f.write_str("the transaction took too long and was aborted"),
            Self::Closed => f.write_str("the store is closed"),
            Self::Panicked => f.write_str("the driver panicked"),
        }
    }
}

impl StdError for Failure {}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Driver(error)
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
            failure if failure.is_conflict() => Self::contended(failure),
            failure => Self::unavailable(failure),
        }
    }
}
