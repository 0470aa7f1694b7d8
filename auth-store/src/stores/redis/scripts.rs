//! The Lua scripts, and the decoding of what they reply.
//!
//! Each script starts with `lua/common.lua`, which defines the statuses.

use std::sync::{Arc, LazyLock};

use auth_core::SignInId;
use redis::Value;

use super::connection::{Failure, Script};
use crate::error::{StoreError, StoreErrorKind};
use crate::record::Record;
use crate::store::{CompareAndSwap, Deleted, EachRecord};

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

    /// Returns whether the step has changed anything. Fails if only other steps have this outcome.
    pub(super) fn is_done(&self) -> Result<bool, StoreError> {
        match self {
            Self::Done(_) => Ok(true),
            Self::Gone | Self::Stale(_) => Ok(false),
            Self::Taken | Self::Full => Err(unexpected()),
        }
    }

    /// Returns the outcome of a step that changes the sign-in of this id.
    pub(super) fn swapped(self, id: SignInId) -> Result<CompareAndSwap, StoreError> {
        match self {
            Self::Gone => Ok(CompareAndSwap::NotFound),
            Self::Done(now) => record(id, now).map(CompareAndSwap::Stored),
            Self::Stale(now) => record(id, now).map(CompareAndSwap::Conflict),
            Self::Taken | Self::Full => Err(unexpected()),
        }
    }

    /// Returns the outcome of a step that deletes the sign-in of this id at a version.
    pub(super) fn deleted(self, id: SignInId) -> Result<Deleted, StoreError> {
        match self {
            Self::Gone => Ok(Deleted::NotFound),
            Self::Done(_) => Ok(Deleted::Done),
            Self::Stale(now) => record(id, now).map(Deleted::Conflict),
            Self::Taken | Self::Full => Err(unexpected()),
        }
    }
}

/// Decodes the answer to `GET` for the record of this id.
pub(super) fn loaded(id: SignInId, answer: Value) -> Result<Option<Arc<Record>>, StoreError> {
    match answer {
        Value::Nil => Ok(None),
        found => record(id, Some(found)).map(Some),
    }
}

/// Decodes the ids and records of a subject's sign-ins. Fails if one belongs to another subject.
pub(super) fn listed(subject: &str, answer: Value) -> Result<EachRecord, StoreError> {
    let Value::Array(found) = answer else { return Err(unexpected()) };
    let mut found = found.into_iter();
    let mut records = Vec::with_capacity(found.len() / 2);
    while let Some(name) = found.next() {
        let (id, Some(Value::BulkString(bytes))) = (id_of(name)?, found.next()) else {
            return Err(unexpected());
        };
        let record = Record::from_bytes(id, &bytes).map(Arc::new);
        if record.as_ref().is_ok_and(|record| record.subject.as_deref() != Some(subject)) {
            return Err(unexpected());
        }
        records.push(record);
    }
    Ok(records)
}

/// Decodes the record of this id.
fn record(id: SignInId, value: Option<Value>) -> Result<Arc<Record>, StoreError> {
    match value {
        Some(Value::BulkString(bytes)) => Record::from_bytes(id, &bytes).map(Arc::new),
        _ => Err(unexpected()),
    }
}

/// Decodes an id as an index contains it.
fn id_of(value: Value) -> Result<SignInId, StoreError> {
    let Value::BulkString(name) = value else { return Err(unexpected()) };
    let name = std::str::from_utf8(&name).map_err(|_| unexpected())?;
    name.parse().map_err(|_| unexpected())
}

/// Returns the error of a reply that no script gives.
fn unexpected() -> StoreError {
    StoreError::unavailable(Failure::unexpected())
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

#[cfg(test)]
mod tests {
    use auth_core::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::lifetime::Deadlines;
    use crate::secret::{Digest, FamilyDigest, SecretDigests, SecretKind};

    /// Returns a reply of any shape. Texts and statuses that scripts use are frequent.
    fn reply() -> impl Strategy<Value = Value> {
        let plain = prop_oneof![
            Just(Value::Nil),
            Just(Value::Okay),
            any::<bool>().prop_map(Value::Boolean),
            prop_oneof![-1_i64..6, any::<i64>()].prop_map(Value::Int),
            any::<f64>().prop_map(Value::Double),
            ".{0,40}".prop_map(Value::SimpleString),
            any::<Vec<u8>>().prop_map(Value::BulkString),
        ];
        plain.prop_recursive(3, 16, 4, |inner| {
            let items = || prop::collection::vec(inner.clone(), 0..4);
            prop_oneof![items().prop_map(Value::Array), items().prop_map(Value::Set)]
        })
    }

    proptest! {
        #[test]
        fn a_reply_of_any_shape_is_read_without_panic(value in reply(), beside in reply()) {
            let _ = id_of(beside.clone());
            let _ = record(SignInId::from_bytes([3; 16]), Some(beside));
            if let Ok(reply) = Reply::of(value) {
                let _ = reply.is_done();
                if let Reply::Done(now) | Reply::Stale(now) = reply {
                    let _ = record(SignInId::from_bytes([3; 16]), now);
                }
            }
        }

        #[test]
        fn only_a_status_is_an_outcome(parts in prop::collection::vec(reply(), 0..3)) {
            let has_status = matches!(parts.first(), Some(Value::Int(_)));
            let outcome = Reply::of(Value::Array(parts));
            prop_assert!(outcome.is_err() || has_status);
        }
    }

    #[test]
    fn a_status_of_another_step_is_an_error() {
        let reply = |status| Reply::of(Value::Array(vec![Value::Int(status)])).unwrap();
        let id = SignInId::from_bytes([3; 16]);
        for status in [TAKEN, FULL] {
            assert!(reply(status).is_done().is_err());
            assert!(reply(status).swapped(id).is_err());
            assert!(reply(status).deleted(id).is_err());
        }
        let is_done = [GONE, DONE, STALE].map(|status| reply(status).is_done().unwrap());
        assert_eq!(is_done, [false, true, false]);
    }

    #[test]
    fn a_list_with_a_sign_in_of_another_subject_is_an_error() {
        let answer = |subject: &str| {
            let id = SignInId::from_bytes([3; 16]);
            let digests = SecretDigests { family: FamilyDigest([1; 16]), current: Digest([2; 32]) };
            let deadlines = Deadlines { idle_secs: 60, ends_at: Timestamp::MAX };
            let (kind, now) = (SecretKind::Cookie, Timestamp::EPOCH);
            let record = Record::new(id, kind, digests, Some(subject.into()), deadlines, now);
            let pair = [id.to_string().into_bytes(), record.to_bytes()];
            Value::Array(pair.map(Value::BulkString).to_vec())
        };
        assert!(listed("ada", answer("ada")).unwrap()[0].is_ok());
        assert!(listed("ada", answer("bob")).is_err());
    }
}
