//! What the checks require of a store's results.
//!
//! Each function compares all that the store returns about a sign-in: `load`, `peek` and the subject's list.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use auth_core::{SignInId, Timestamp};

use super::fixtures::KIND;
use super::report::{Outcome, Violation, ensure};
use crate::record::Record;
use crate::secret::Secret;
use crate::store::{CompareAndSwap, Peek, SecretLookup, Store};

/// Returns the record of a sign-in that must exist.
pub(super) async fn alive(store: &dyn Store, id: &SignInId) -> Result<Arc<Record>, Violation> {
    let found = store.load(id).await?;
    found.ok_or_else(|| Violation::new("a sign-in that has not ended is gone"))
}

/// Requires that the sign-in exists and equals this record, also in its subject's list.
pub(super) async fn alive_as(store: &dyn Store, expected: &Record) -> Outcome {
    same(expected, &*alive(store, &expected.id).await?)?;
    let Some(subject) = &expected.subject else { return Ok(()) };
    let listed = store.list(subject).await?;
    match listed.iter().find(|record| record.id == expected.id) {
        Some(record) => same(expected, record),
        None => Err(Violation::new("a sign-in that has not ended is not listed")),
    }
}

/// Requires that there is no such sign-in: neither by its id, nor in its subject's list.
pub(super) async fn gone(store: &dyn Store, id: &SignInId, subject: &str) -> Outcome {
    ensure(store.load(id).await?.is_none(), "a missing sign-in is loaded")?;
    let known = matches!(peek(store, id)?, Seen::Known(Some(_)));
    ensure(!known, "peek returns a missing sign-in as authoritative")?;
    let listed = listed(store, subject).await?.contains(id);
    ensure(!listed, "a missing sign-in is listed")
}

/// What [`Store::peek`] passed to its callback.
#[derive(Debug)]
pub(super) enum Seen {
    Ask,
    Copy(Arc<Record>),
    Known(Option<Arc<Record>>),
}

/// Calls [`Store::peek`], which must call back exactly once.
pub(super) fn peek(store: &dyn Store, id: &SignInId) -> Result<Seen, Violation> {
    let mut shown = Vec::new();
    store.peek(id, &mut |peek| {
        shown.push(match peek {
            Peek::Miss => Seen::Ask,
            Peek::Cached(record) => Seen::Copy(Arc::clone(record)),
            Peek::Authoritative(record) => Seen::Known(record.cloned()),
        });
    });
    match (shown.pop(), shown.len()) {
        (Some(seen), 0) => Ok(seen),
        (Some(_), more) => Err(Violation::new(format!("peek calls back {} times", more + 1))),
        (None, _) => Err(Violation::new("peek does not call back")),
    }
}

/// Returns the ids of the subject's sign-ins, in the order of the list.
pub(super) async fn listed(store: &dyn Store, subject: &str) -> Result<Vec<SignInId>, Violation> {
    Ok(store.list(subject).await?.iter().map(|record| record.id).collect())
}

/// Returns those of these sign-ins that exist. The subject's list must contain them and no other.
pub(super) async fn survivors(
    store: &dyn Store,
    subject: &str,
    ids: &[SignInId],
) -> Result<Vec<Arc<Record>>, Violation> {
    let mut alive = Vec::new();
    for id in ids {
        alive.extend(store.load(id).await?);
    }
    let loaded: BTreeSet<_> = alive.iter().map(|record| record.id).collect();
    let named = listed(store, subject).await?;
    let listed: BTreeSet<_> = named.iter().copied().collect();
    ensure(named.len() == listed.len(), "the list contains a sign-in twice")?;
    ensure(loaded == listed, "the list differs from the sign-ins that load")?;
    Ok(alive)
}

/// Returns the new record of a compare-and-swap that must succeed.
pub(super) fn stored(swap: CompareAndSwap) -> Result<Arc<Record>, Violation> {
    match swap {
        CompareAndSwap::Stored(record) => Ok(record),
        CompareAndSwap::Conflict(_) => {
            Err(Violation::new("a change of the current record conflicts"))
        }
        CompareAndSwap::NotFound => {
            Err(Violation::new("a change of an existing sign-in reports that there is none"))
        }
    }
}

/// Returns the current record from a compare-and-swap that must conflict.
pub(super) fn stale(swap: CompareAndSwap) -> Result<Arc<Record>, Violation> {
    match swap {
        CompareAndSwap::Conflict(record) => Ok(record),
        CompareAndSwap::Stored(_) => Err(Violation::new("a change of an older record is stored")),
        CompareAndSwap::NotFound => {
            Err(Violation::new("a change of an existing sign-in reports that there is none"))
        }
    }
}

/// Requires that a compare-and-swap found no sign-in.
pub(super) fn nothing(swap: &CompareAndSwap) -> Outcome {
    ensure(
        matches!(swap, CompareAndSwap::NotFound),
        "a change of a missing sign-in does not answer that there is none",
    )
}

/// Returns what a secret leads to at this time.
pub(super) async fn leads(
    store: &dyn Store,
    secret: &Secret,
    at: Timestamp,
) -> Result<SecretLookup, Violation> {
    Ok(store.find(secret, KIND, at).await?)
}

/// Requires that all fields are equal, including the last-seen time and the version. The message shows the
/// values that differ, but no digests.
pub(super) fn same(expected: &Record, actual: &Record) -> Outcome {
    let mut differing = Vec::new();
    macro_rules! compare {
        ($($name:ident $value:expr;)*) => {
            $({
                let value = $value;
                let (expected, actual) = (value(expected), value(actual));
                if expected != actual {
                    let [expected, actual] = [shown(&expected), shown(&actual)];
                    differing.push(format!("{} is {actual} instead of {expected}", stringify!($name)));
                }
            })*
        };
    }
    compare! {
        id |record: &Record| record.id;
        kind |record: &Record| record.kind;
        current |record: &Record| record.current;
        family |record: &Record| record.family;
        persistence |record: &Record| record.persistence;
        subject |record: &Record| record.subject.clone();
        principal |record: &Record| String::from_utf8_lossy(record.principal()).into_owned();
        data |record: &Record| record.data.clone();
        created_at |record: &Record| record.created_at;
        authenticated_at |record: &Record| record.authenticated_at;
        last_seen |record: &Record| record.last_seen();
        deadlines |record: &Record| record.deadlines;
        version |record: &Record| record.version;
        details |record: &Record| record.details.clone();
    }
    ensure(differing.is_empty(), format!("of {}, {}", actual.id, differing.join("; ")))
}

/// Returns a value as a message shows it: without digests, which are redacted, and not too long.
fn shown(value: &impl fmt::Debug) -> String {
    const LONGEST: usize = 300;
    let text = format!("{value:?}");
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}\u{2026} ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
