//! The Lua scripts, and the decoding of what they reply.
//!
//! Each script starts with `lua/common.lua`, which defines the statuses.

use std::sync::{Arc, LazyLock};

use auth_core::SignInId;
use redis::Value;

use super::connection::{Failure, Script};
use super::encoding::{Unreadable, read};
use crate::error::{StoreError, StoreErrorKind};
use crate::record::Record;

macro_rules! scripts {
    ($($(#[$on:meta])? $name:ident $file:literal;)*) => {
        $($(#[$on])? pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(include_str!("lua/common.lua"), include_str!($file)))
        });)*
    };
}

scripts! {
    CREATE "lua/create.lua";
    EVICT "lua/evict.lua";
    UPDATE "lua/update.lua";
    ROTATE "lua/rotate.lua";
    TOUCH "lua/touch.lua";
    DELETE "lua/delete.lua";
    REVOKE "lua/revoke.lua";
    REVOKE_ALL "lua/revoke_all.lua";
    LIST "lua/list.lua";
    UPDATE_SUBJECT "lua/update_subject.lua";
    #[cfg(feature = "near-cache")] BEAT "lua/beat.lua";
}

/// The error code of a script that meets a record of another format.
const FORMAT_ERROR: &str = "AUTHFORMAT";

// The statuses of `lua/common.lua`.
const GONE: i64 = 0;
const DONE: i64 = 1;
const STALE: i64 = 2;
const TAKEN: i64 = 3;
const FULL: i64 = 4;

/// The outcome of a step, with the value that the script returns.
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
            GONE => Ok(Self::Gone),
            DONE => Ok(Self::Done(parts.next())),
            STALE => Ok(Self::Stale(parts.next())),
            TAKEN => Ok(Self::Taken),
            FULL => Ok(Self::Full),
            _ => Err(unexpected()),
        }
    }

    /// Returns how many sign-ins a step has changed.
    pub(super) fn count(self) -> Result<usize, StoreError> {
        match self {
            Self::Done(Some(Value::Int(count))) => usize::try_from(count).map_err(|_| unexpected()),
            _ => Err(unexpected()),
        }
    }

    /// Returns whether the step has changed anything.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// Decodes the record of this id.
pub(super) fn record(id: SignInId, value: Option<Value>) -> Result<Arc<Record>, StoreError> {
    match value {
        Some(Value::BulkString(bytes)) => read(id, &bytes).map(Arc::new).map_err(unreadable),
        _ => Err(unexpected()),
    }
}

/// Decodes an id as an index contains it.
pub(super) fn id_of(value: Value) -> Result<SignInId, StoreError> {
    let Value::BulkString(name) = value else { return Err(unexpected()) };
    let name = std::str::from_utf8(&name).map_err(|_| unexpected())?;
    name.parse().map_err(|_| unexpected())
}

/// Returns the error of a reply that no script gives.
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
