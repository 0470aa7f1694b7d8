//! A sign-in as a document.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | binary | the id |
//! | `kind`, `persistence` | long | what the secret is used as, and whether the cookie is persistent |
//! | `version` | long | the number of changes |
//! | `last_seen`, `created_at`, `authenticated_at`, `ends_at` | long | times in milliseconds |
//! | `idle_secs` | long | the idle timeout, or 0 |
//! | `family`, `verifier` | binary | the digests of the secret |
//! | `grace`, `principal`, `data` | binary | encoded as in the other stores |
//! | `details` | binary | the same; missing if there are none |
//! | `subject` | binary | missing in an anonymous sign-in |
//! | `anonymous` | bool | true in an anonymous sign-in, missing in others |
//! | `expires_at` | date | when the server deletes the document |
//!
//! The lock of a subject has 32 bytes as its `_id`, a number in `lock`, and `expires_at`.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, DateTime, Document, RawDocument, doc};
use sha2::{Digest as _, Sha256};

use super::error::Failure;
use crate::record::Record;
use crate::record::columns::{Columns, due_at, fixed, millis};
use crate::record::encoding::{self, Malformed};

/// How much later than a sign-in has expired the server deletes it. The clocks of the servers and of the nodes may
/// differ by that much.
const MARGIN: i64 = 60 * 60 * 1000;
/// The latest date that is stored, the beginning of the year 9999: later ones are no dates to many programs.
const LATEST: i64 = 253_370_764_800_000;
/// How long the lock of a subject is kept after its latest use.
const LOCK_LASTS: i64 = 24 * 60 * 60 * 1000;

/// Returns bytes as a value.
pub(super) fn binary(bytes: impl Into<Vec<u8>>) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.into() })
}

/// Returns the value of `_id`.
pub(super) fn id_value(id: &SignInId) -> Bson {
    binary(*id.as_bytes())
}

/// Returns the value of `subject`.
pub(super) fn subject_value(subject: &str) -> Bson {
    binary(subject.as_bytes())
}

/// Returns the `_id` of the subject's lock.
pub(super) fn lock_id(subject: &str) -> Bson {
    binary(hash(subject))
}

/// Returns the beginning of the hash of a subject, as an id that chooses a stripe.
pub(super) fn hashed(subject: &str) -> SignInId {
    let hash = hash(subject);
    SignInId::from_bytes(std::array::from_fn(|at| hash[at]))
}

fn hash(subject: &str) -> [u8; 32] {
    Sha256::new_with_prefix(b"auth/lock").chain_update(subject).finalize().into()
}

/// Returns when a lock that was used at this time is deleted.
pub(super) fn lock_expires_at(now: Timestamp) -> DateTime {
    DateTime::from_millis(millis(now).min(LATEST).saturating_add(LOCK_LASTS))
}

/// Returns the filter for the sign-ins that have expired at this time. A lock has no `kind`.
pub(super) fn expired(now: Timestamp) -> Document {
    let expires_at = DateTime::from_millis(millis(now).min(LATEST) + MARGIN);
    doc! { "expires_at": { "$lte": expires_at }, "kind": { "$exists": true } }
}

/// Encodes a new sign-in.
pub(super) fn document(record: &Record) -> Document {
    let expires_at = due_at(record.deadlines, record.last_seen()).min(LATEST) + MARGIN;
    let mut document = doc! {
        "_id": id_value(&record.id),
        "kind": i64::from(record.kind.code()),
        "persistence": i64::from(encoding::persistence(record.persistence)),
        "version": 0_i64,
        "last_seen": millis(record.last_seen()),
        "created_at": millis(record.created_at),
        "authenticated_at": millis(record.authenticated_at),
        "idle_secs": i64::from(record.deadlines.idle_secs),
        "ends_at": millis(record.deadlines.ends_at),
        "family": binary(record.family.0),
        "verifier": binary(record.current.0),
        "grace": binary(encoding::grace(record.grace())),
        "principal": binary(record.principal()),
        "data": binary(record.data.encoded().to_vec()),
        "expires_at": DateTime::from_millis(expires_at),
    };
    if let Some(details) = record.encoded_details() {
        document.insert("details", binary(details));
    }
    match &record.subject {
        Some(subject) => document.insert("subject", subject_value(subject)),
        None => document.insert("anonymous", true),
    };
    document
}

/// Returns the stage of an update that computes `expires_at` from the other fields.
pub(super) fn expires_at_stage() -> Document {
    let idle = doc! { "$add": ["$last_seen", { "$multiply": ["$idle_secs", 1000_i64] }] };
    let due = doc! { "$cond": [
        { "$gt": ["$idle_secs", 0_i64] },
        { "$min": ["$ends_at", idle, LATEST] },
        { "$min": ["$ends_at", LATEST] },
    ] };
    doc! { "$set": { "expires_at": { "$toDate": { "$add": [due, MARGIN] } } } }
}

/// Decodes the document of this id. Fails if it is another one's.
pub(super) fn record_of(document: &RawDocument, id: &SignInId) -> Result<Arc<Record>, Failure> {
    let record = record(document)?;
    match record.id == *id {
        true => Ok(record),
        false => Err(Malformed.into()),
    }
}

/// Decodes a document.
pub(super) fn record(document: &RawDocument) -> Result<Arc<Record>, Failure> {
    let columns = Columns {
        kind: long(document, "kind")?,
        persistence: long(document, "persistence")?,
        version: long(document, "version")?,
        last_seen: long(document, "last_seen")?,
        created_at: long(document, "created_at")?,
        authenticated_at: long(document, "authenticated_at")?,
        idle_secs: long(document, "idle_secs")?,
        ends_at: long(document, "ends_at")?,
        family: bytes(document, "family")?,
        verifier: bytes(document, "verifier")?,
        subject: optional(document, "subject")?,
        grace: bytes(document, "grace")?,
        details: optional(document, "details")?,
        principal: bytes(document, "principal")?,
        data: bytes(document, "data")?,
    };
    Ok(Arc::new(columns.record(sign_in_id(document)?)?))
}

/// Returns the id of a sign-in.
pub(super) fn sign_in_id(document: &RawDocument) -> Result<SignInId, Malformed> {
    Ok(SignInId::from_bytes(fixed(&bytes(document, "_id")?)?))
}

/// Returns a number.
pub(super) fn long(document: &RawDocument, field: &str) -> Result<i64, Malformed> {
    document.get_i64(field).map_err(|_| Malformed)
}

fn bytes(document: &RawDocument, field: &str) -> Result<Vec<u8>, Malformed> {
    optional(document, field)?.ok_or(Malformed)
}

/// Returns bytes, or `None` if there is no such field.
pub(super) fn optional(document: &RawDocument, field: &str) -> Result<Option<Vec<u8>>, Malformed> {
    match document.get(field).map_err(|_| Malformed)? {
        None => Ok(None),
        Some(value) => value.as_binary().map(|binary| Some(binary.bytes.to_vec())).ok_or(Malformed),
    }
}
