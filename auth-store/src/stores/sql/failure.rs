//! Why a step failed.

use std::fmt;
use std::time::Duration;

use sqlx::Error;

use super::dialect::Dialect;
use crate::error::{StoreError, StoreErrorKind};
use crate::stores::encoding::Malformed;

/// Why a step failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The database complained, or did not answer.
    Database(Error),
    /// What is stored is not what was written.
    Malformed(Malformed),
    /// The key of a new sign-in is taken.
    Taken,
    /// The step took longer than it may.
    TimedOut(Duration),
}

impl Failure {
    /// Whether it was undone because another step was in its way, so that it may be tried again.
    pub(super) fn is_conflict<D: Dialect>(&self) -> bool {
        matches!(self, Self::Database(Error::Database(error)) if D::is_conflict(&**error))
    }

    /// Whether the connection can go on: the database answered, and did not say that this is the end.
    pub(super) fn is_answer<D: Dialect>(&self) -> bool {
        match self {
            Self::Database(Error::Database(error)) => !D::ends_connection(&**error),
            Self::Database(_) => false,
            Self::Malformed(_) | Self::Taken => true,
            Self::TimedOut(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
            Self::Taken => f.write_str("the sign-in id is taken"),
            Self::TimedOut(limit) => write!(f, "there was no answer within {limit:?}"),
        }
    }
}

impl std::error::Error for Failure {}

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
            Failure::Taken => Self::duplicate_id(),
            Failure::Malformed(error) => Self::new(StoreErrorKind::Invalid, error),
            failure => Self::unavailable(failure),
        }
    }
}
