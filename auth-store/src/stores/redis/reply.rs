//! What scripts answer.

use std::sync::Arc;

use auth_core::SignInId;
use redis::Value;

use super::connection::Failure;
use super::encoding::{Unreadable, read};
use super::scripts::FORMAT_ERROR;
use crate::error::{StoreError, StoreErrorKind};
use crate::record::Record;

const DONE: i64 = 1;
const STALE: i64 = 2;
const TAKEN: i64 = 3;
const FULL: i64 = 4;

/// What became of a step, with what the script tells about it.
pub(super) enum Reply {
    Gone,
    Done(Option<Value>),
    Stale(Option<Value>),
    Taken,
    Full,
}

impl Reply {
    pub(super) fn of(value: Value) -> Result<Self, StoreError> {
        let Value::Array(parts) = value else { return Err(unexpected()) };
        let mut parts = parts.into_iter();
        let Some(Value::Int(status)) = parts.next() else { return Err(unexpected()) };
        match status {
            0 => Ok(Self::Gone),
            DONE => Ok(Self::Done(parts.next())),
            STALE => Ok(Self::Stale(parts.next())),
            TAKEN => Ok(Self::Taken),
            FULL => Ok(Self::Full),
            _ => Err(unexpected()),
        }
    }

    /// How many sign-ins a step did something to.
    pub(super) fn count(self) -> Result<usize, StoreError> {
        match self {
            Self::Done(Some(Value::Int(count))) => usize::try_from(count).map_err(|_| unexpected()),
            _ => Err(unexpected()),
        }
    }

    /// Whether the step did something.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// The record of this id.
pub(super) fn record(sid: SignInId, value: Option<Value>) -> Result<Arc<Record>, StoreError> {
    match value {
        Some(Value::BulkString(bytes)) => read(sid, &bytes).map(Arc::new).map_err(unreadable),
        _ => Err(unexpected()),
    }
}

/// An id, as an index has it.
pub(super) fn id_of(value: Value) -> Result<SignInId, StoreError> {
    let Value::BulkString(name) = value else { return Err(unexpected()) };
    let name = std::str::from_utf8(&name).map_err(|_| unexpected())?;
    name.parse().map_err(|_| unexpected())
}

/// An answer that no script gives.
pub(super) fn unexpected() -> StoreError {
    StoreError::unavailable(Failure::unexpected())
}

fn unreadable(error: Unreadable) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, error)
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match &failure {
            Failure::Refused(error) if error.to_string().contains(FORMAT_ERROR) => {
                Self::new(StoreErrorKind::Invalid, failure)
            }
            _ => Self::unavailable(failure),
        }
    }
}
