//! The check of the fuzz target `redis_reply`.
//!
//! A reply arrives as the bytes that a server sends. What a step makes of it must be what a simpler
//! reader finds in it.

use auth_core::SignInId;
use redis::Value;

use super::connection::Failure;
use super::scripts::{Reply, listed, loaded};
use crate::error::StoreError;
use crate::record::Record;
use crate::store::{CompareAndSwap, Deleted};

const ID: SignInId = SignInId::from_bytes([3; 16]);
const SUBJECT: &str = "ada";

/// Checks that a reply is either an error, or exactly the outcome that it says, of the sign-in or subject
/// that was asked for. Returns whether it is the outcome of a step.
///
/// # Panics
///
/// Panics if the check fails.
#[must_use]
pub fn redis_reply(data: &[u8]) -> bool {
    let Ok(value) = redis::parse_redis_value(data) else { return false };
    let value = match value.extract_error() {
        Ok(value) => value,
        Err(error) => {
            let error = StoreError::from(Failure::Refused(error));
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    check_loaded(&value) | check_listed(&value) | check_step(&value)
}

fn check_loaded(value: &Value) -> bool {
    match loaded(ID, value.clone()) {
        Ok(Some(record)) => assert!(is_record(&record, ID, Some(value))),
        Ok(None) => assert_eq!(*value, Value::Nil),
        Err(_) => return false,
    }
    true
}

fn check_listed(value: &Value) -> bool {
    let Ok(records) = listed(SUBJECT, value.clone()) else { return false };
    let Value::Array(parts) = value else { panic!("a list is an array") };
    assert_eq!(parts.len(), 2 * records.len());
    for (record, pair) in records.iter().zip(parts.chunks(2)) {
        let Ok(record) = record else { continue };
        assert_eq!(pair[0], Value::BulkString(record.id.to_string().into_bytes()));
        assert!(is_record(record, record.id, pair.get(1)));
        assert_eq!(record.subject.as_deref(), Some(SUBJECT));
    }
    true
}

fn check_step(value: &Value) -> bool {
    let reply = || Reply::of(value.clone());
    let parts = if let Value::Array(parts) = value { &parts[..] } else { &[] };
    let status = if let Some(Value::Int(status)) = parts.first() { *status } else { -1 };
    assert_eq!(reply().is_ok(), (0..=4).contains(&status));
    let Ok(is_done) = reply().and_then(|reply| reply.is_done()) else { return false };
    assert!(status == i64::from(is_done) || status == 2);

    match reply().and_then(|reply| reply.swapped(ID)) {
        Ok(CompareAndSwap::NotFound) => assert_eq!(status, 0),
        Ok(CompareAndSwap::Stored(now)) => {
            assert!(status == 1 && is_record(&now, ID, parts.get(1)));
        }
        Ok(CompareAndSwap::Conflict(now)) => {
            assert!(status == 2 && is_record(&now, ID, parts.get(1)));
        }
        Err(_) => assert_ne!(status, 0),
    }
    match reply().and_then(|reply| reply.deleted(ID)) {
        Ok(Deleted::NotFound) => assert_eq!(status, 0),
        Ok(Deleted::Done) => assert_eq!(status, 1),
        Ok(Deleted::Conflict(now)) => assert!(status == 2 && is_record(&now, ID, parts.get(1))),
        Err(_) => assert_eq!(status, 2),
    }
    if let Ok(count) = reply().and_then(Reply::count) {
        let count = i64::try_from(count).expect("as many as the reply says");
        assert!(status == 1 && parts.get(1) == Some(&Value::Int(count)));
    }
    true
}

/// Returns whether this part of a reply is the record.
fn is_record(record: &Record, id: SignInId, part: Option<&Value>) -> bool {
    let Some(Value::BulkString(bytes)) = part else { return false };
    let read = Record::from_bytes(id, bytes);
    record.id == id && read.is_ok_and(|read| read.to_bytes() == record.to_bytes())
}
