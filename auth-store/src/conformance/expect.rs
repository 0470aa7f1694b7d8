//! What the checks demand of a store's answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth_core::{SignInId, Timestamp};

use super::fixtures::KIND;
use super::report::{Outcome, Violation, ensure};
use crate::record::Record;
use crate::secret::Secret;
use crate::store::{CompareAndSwap, Peek, SecretLookup, Store};

/// The record of a sign-in that nobody ended.
pub(super) async fn alive(store: &dyn Store, sid: &SignInId) -> Result<Arc<Record>, Violation> {
    let found = store.load(sid).await?;
    found.ok_or_else(|| Violation::new("a sign-in that nobody ended is gone"))
}

/// The sign-in is there, and exactly like this, also in its subject's list.
pub(super) async fn alive_as(store: &dyn Store, expected: &Record) -> Outcome {
    same(expected, &*alive(store, &expected.sid).await?)?;
    let Some(subject) = &expected.subject else { return Ok(()) };
    let listed = store.list(subject).await?;
    match listed.iter().find(|record| record.sid == expected.sid) {
        Some(record) => same(expected, record),
        None => Err(Violation::new("a sign-in that nobody ended is not listed")),
    }
}

/// Nothing knows of this sign-in: neither its id, nor its subject's list.
pub(super) async fn gone(store: &dyn Store, sid: &SignInId, subject: &str) -> Outcome {
    ensure(store.load(sid).await?.is_none(), "a sign-in that is not there is loaded")?;
    let known = matches!(peek(store, sid)?, Seen::Known(Some(_)));
    ensure(!known, "peek knows a sign-in that is not there")?;
    let listed = listed(store, subject).await?.contains(sid);
    ensure(!listed, "a sign-in that is not there is listed")
}

/// What [`Store::peek`] showed.
#[derive(Debug)]
pub(super) enum Seen {
    Ask,
    Copy(Arc<Record>),
    Known(Option<Arc<Record>>),
}

/// What can be said without waiting, which is shown exactly once.
pub(super) fn peek(store: &dyn Store, sid: &SignInId) -> Result<Seen, Violation> {
    let mut shown = Vec::new();
    store.peek(sid, &mut |peek| {
        shown.push(match peek {
            Peek::Miss => Seen::Ask,
            Peek::Cached(record) => Seen::Copy(Arc::clone(record)),
            Peek::Authoritative(record) => Seen::Known(record.cloned()),
        });
    });
    match (shown.pop(), shown.len()) {
        (Some(seen), 0) => Ok(seen),
        (Some(_), more) => Err(Violation::new(format!("peek shows {} answers", more + 1))),
        (None, _) => Err(Violation::new("peek shows nothing")),
    }
}

/// The ids of the subject's sign-ins, in the order of the list.
pub(super) async fn listed(store: &dyn Store, subject: &str) -> Result<Vec<SignInId>, Violation> {
    Ok(store.list(subject).await?.iter().map(|record| record.sid).collect())
}

/// Of these sign-ins of the subject, those that are there; the list must name them and no other.
pub(super) async fn survivors(
    store: &dyn Store,
    subject: &str,
    sids: &[SignInId],
) -> Result<Vec<Arc<Record>>, Violation> {
    let mut alive = Vec::new();
    for sid in sids {
        alive.extend(store.load(sid).await?);
    }
    let loaded: BTreeSet<_> = alive.iter().map(|record| record.sid).collect();
    let named = listed(store, subject).await?;
    let listed: BTreeSet<_> = named.iter().copied().collect();
    ensure(named.len() == listed.len(), "the list names a sign-in twice")?;
    ensure(loaded == listed, "the list and the sign-ins that load are not the same")?;
    Ok(alive)
}

/// What happened in a compare-and-swap that nothing stands against.
pub(super) fn stored(swap: CompareAndSwap) -> Result<Arc<Record>, Violation> {
    match swap {
        CompareAndSwap::Stored(record) => Ok(record),
        CompareAndSwap::Conflict(_) => {
            Err(Violation::new("a change of the newest record is stale"))
        }
        CompareAndSwap::NotFound => {
            Err(Violation::new("a change of a sign-in that is there says it is gone"))
        }
    }
}

/// The current record, from a compare-and-swap that came too late.
pub(super) fn stale(swap: CompareAndSwap) -> Result<Arc<Record>, Violation> {
    match swap {
        CompareAndSwap::Conflict(record) => Ok(record),
        CompareAndSwap::Stored(_) => Err(Violation::new("a change of an older record is stored")),
        CompareAndSwap::NotFound => {
            Err(Violation::new("a change of a sign-in that is there says it is gone"))
        }
    }
}

/// There was nothing to change.
pub(super) fn nothing(swap: &CompareAndSwap) -> Outcome {
    ensure(
        matches!(swap, CompareAndSwap::NotFound),
        "a change of what is not there does not say so",
    )
}

/// What a secret leads to at this moment.
pub(super) async fn leads(
    store: &dyn Store,
    secret: &Secret,
    at: Timestamp,
) -> Result<SecretLookup, Violation> {
    Ok(store.find(secret, KIND, at).await?)
}

/// Every field, the last-seen time and the version included.
pub(super) fn same(expected: &Record, actual: &Record) -> Outcome {
    let fields = [
        ("sid", expected.sid == actual.sid),
        ("kind", expected.kind == actual.kind),
        ("current", expected.current == actual.current),
        ("family", expected.family == actual.family),
        ("persistence", expected.persistence == actual.persistence),
        ("subject", expected.subject == actual.subject),
        ("principal", expected.principal() == actual.principal()),
        ("data", expected.data == actual.data),
        ("created_at", expected.created_at == actual.created_at),
        ("authenticated_at", expected.authenticated_at == actual.authenticated_at),
        ("last_seen", expected.last_seen() == actual.last_seen()),
        ("limits", expected.limits == actual.limits),
        ("version", expected.version == actual.version),
        ("details", expected.details == actual.details),
    ];
    let differing: Vec<_> =
        fields.iter().filter(|(_, same)| !same).map(|(name, _)| *name).collect();
    let names = differing.join(", ");
    ensure(
        differing.is_empty(),
        format!("{names} should be as in {expected:?}, and the store answers {actual:?}"),
    )
}
