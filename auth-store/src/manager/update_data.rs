//! Storing changes of a sign-in's data, each of them once.
//!
//! Data is stored by compare-and-swap at the record's version. Changes are applied again to newer
//! data until one swap succeeds. A swap that was sent and not answered may have happened.
//! [`PendingChanges`] keeps such a swap, so that a later save can determine its outcome, and
//! neither loses a change nor makes it twice.

use auth_core::{AuthError, AuthErrorKind, SignInId};

use super::contention::Backoff;
use super::sign_in_manager::SignInManager;
use crate::data::{self, Change, SessionData};
use crate::error::{StoreError, StoreErrorKind};
use crate::record::Record;
use crate::store::CompareAndSwap;

/// The key of the mark that a [marked](Retry::Marked) swap leaves in the data. Later swaps keep it,
/// so that it still shows after them.
const MARK: &str = "\u{1}saved";

/// Whether a swap that was not answered may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It is not repeated, because the request ends with it.
    Never,
    /// It may be repeated. It is marked, so that the next try can see whether it happened.
    Marked,
}

impl SignInManager {
    /// Makes these changes on the newest data of a sign-in that has not ended.
    pub(crate) async fn change(&self, id: &SignInId, changes: &[Change]) -> Result<(), AuthError> {
        self.change_once(id, &mut PendingChanges::new(changes.to_vec()), Retry::Never).await
    }

    /// Makes these changes on the newest data of a sign-in that has not ended, none of them twice.
    ///
    /// What is left in `pending` is not stored, as far as is known, and can be given to a later call,
    /// even if this one was dropped while it waited. If a swap was not answered, the next call finds
    /// out whether it happened; where that cannot be known, it changes nothing.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if it is not known whether the changes
    /// were made; [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the sign-in has ended.
    pub(crate) async fn change_once(
        &self,
        id: &SignInId,
        pending: &mut PendingChanges,
        retry: Retry,
    ) -> Result<(), AuthError> {
        let mut backoff = Backoff::new();
        let mut newest = None;
        loop {
            let record = match newest.take() {
                Some(record) => record,
                None => match self.direct.load(id).await {
                    Err(error) if error.kind() == StoreErrorKind::Contended => {
                        backoff.pause().await?;
                        continue;
                    }
                    loaded => loaded?.ok_or_else(ended)?,
                },
            };
            if record.expiry(self.settings.clock.now()).is_some() {
                return Err(ended());
            }
            let Some((attempt, sent)) = next(&record, pending, retry)? else { return Ok(()) };
            let (version, data, count) = (attempt.version, attempt.data.clone(), attempt.count);
            // Noted before it is sent, because this future may be dropped before the answer comes.
            let marked = retry == Retry::Marked || sent == Sent::Before;
            pending.sent = marked.then_some(attempt);
            let swap = match self.direct.update(id, version, data).await {
                Err(error) if error.kind() == StoreErrorKind::Contended => None, // changed nothing
                swap => Some(swap?),
            };
            if sent == Sent::Never {
                // This attempt is answered. One that was sent before as well is not.
                pending.sent = None;
            }
            newest = match swap {
                Some(CompareAndSwap::Stored(stored)) => {
                    pending.stored(count);
                    if pending.changes.is_empty() {
                        return Ok(());
                    }
                    Some(stored)
                }
                Some(CompareAndSwap::Conflict(newer)) => {
                    backoff.pause().await?;
                    Some(newer)
                }
                Some(CompareAndSwap::NotFound) => return Err(ended()),
                None => {
                    backoff.pause().await?;
                    None
                }
            };
        }
    }
}

/// Whether an attempt was sent before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sent {
    Never,
    Before,
}

/// Returns the attempt to send next, or `None` if nothing is left to change.
fn next(
    record: &Record,
    pending: &mut PendingChanges,
    retry: Retry,
) -> Result<Option<(Attempt, Sent)>, AuthError> {
    match pending.settle(record) {
        Some(AttemptOutcome::Unknown) => {
            let unknown = "it is not known whether an earlier attempt was stored";
            return Err(AuthError::new(AuthErrorKind::Unavailable, unknown));
        }
        Some(AttemptOutcome::Open) => {
            return Ok(pending.sent.clone().map(|sent| (sent, Sent::Before)));
        }
        Some(AttemptOutcome::Stored | AttemptOutcome::Failed) | None => {}
    }
    let attempt = Attempt::new(record, &pending.changes, retry)?;
    Ok(attempt.map(|attempt| (attempt, Sent::Never)))
}

fn ended() -> AuthError {
    AuthError::new(AuthErrorKind::Unauthenticated, "the sign-in has ended")
}

/// Changes to store, in order. Those that are known to be stored are removed, so that storing can be
/// interrupted at any moment and continued later.
#[derive(Debug, Default)]
pub(crate) struct PendingChanges {
    pub(crate) changes: Vec<Change>,
    /// The attempt to store the first of them that was sent and not answered.
    sent: Option<Attempt>,
}

impl PendingChanges {
    pub(crate) fn new(changes: Vec<Change>) -> Self {
        Self { changes, sent: None }
    }

    /// Puts changes that could not be stored before those that were added since. Of two interrupted
    /// saves, the one with an attempt under way comes first, because the attempt is about the first
    /// changes.
    pub(crate) fn put_back(&mut self, mut earlier: Self) {
        if self.sent.is_some() && earlier.sent.is_none() {
            std::mem::swap(self, &mut earlier);
        }
        earlier.changes.append(&mut self.changes);
        *self = earlier;
    }

    /// Removes the first `count` changes, which are stored.
    fn stored(&mut self, count: usize) {
        self.changes.drain(..count);
        self.sent = None;
    }

    /// Returns what became of the attempt that was sent, given the newest record. An attempt that has
    /// happened, or cannot happen any more, is removed.
    fn settle(&mut self, newest: &Record) -> Option<AttemptOutcome> {
        let outcome = self.sent.as_ref()?.outcome(newest);
        match outcome {
            AttemptOutcome::Stored => self.stored(self.sent.as_ref()?.count),
            AttemptOutcome::Failed => self.sent = None,
            AttemptOutcome::Open | AttemptOutcome::Unknown => {}
        }
        Some(outcome)
    }
}

/// One compare-and-swap of a record's data at one version.
#[derive(Clone, Debug)]
struct Attempt {
    id: SignInId,
    version: u64,
    /// The data that it was made from.
    base: SessionData,
    data: SessionData,
    /// How many changes it makes.
    count: usize,
}

/// What became of an attempt that was not answered.
#[derive(Debug, PartialEq, Eq)]
enum AttemptOutcome {
    /// It was stored.
    Stored,
    /// It was not stored and cannot be any more, because its version is past.
    Failed,
    /// It has not been stored yet. If it is sent again, one of the two is stored, and the other finds
    /// the version changed.
    Open,
    /// Later marked updates hide whether it was stored.
    Unknown,
}

impl Attempt {
    /// Creates the attempt to make these changes of a record, or `None` if they change nothing.
    fn new(record: &Record, changes: &[Change], retry: Retry) -> Result<Option<Self>, AuthError> {
        let mut data = data::apply(&record.data, changes)?;
        if data == record.data {
            return Ok(None);
        }
        if retry == Retry::Marked {
            data.insert(MARK, new_mark()?);
        }
        if data.bytes() > SessionData::MAX_BYTES {
            return Err(too_large());
        }
        let (id, version, count) = (record.id, record.version, changes.len());
        Ok(Some(Self { id, version, base: record.data.clone(), data, count }))
    }

    /// Returns what became of this attempt, which was marked, given the newest record.
    ///
    /// A store may lose the last versions and count them again, as Redis does in a failover. So an
    /// equal version does not show that nothing else was stored: the data must be equal as well.
    fn outcome(&self, newest: &Record) -> AttemptOutcome {
        let (mark, same) = (newest.data.get(MARK), newest.id == self.id);
        if mark == self.data.get(MARK) {
            AttemptOutcome::Stored
        } else if same && newest.version == self.version && newest.data == self.base {
            AttemptOutcome::Open
        } else if mark == self.base.get(MARK) || same && newest.version <= self.version + 1 {
            // Had it been stored, there would be a later version, or this one with its mark.
            AttemptOutcome::Failed
        } else {
            AttemptOutcome::Unknown
        }
    }
}

pub(super) fn too_large() -> AuthError {
    AuthError::new(AuthErrorKind::TooLarge, "the data must be at most 64 KiB")
}

/// Returns a JSON text that no other attempt has.
fn new_mark() -> Result<String, StoreError> {
    let mark = getrandom::u64().map_err(StoreError::unavailable)?;
    Ok(format!("\"{mark:016x}\""))
}

#[cfg(test)]
mod tests {
    use auth_core::{Lifetime, Timestamp};

    use super::*;
    use crate::lifetime::Deadlines;
    use crate::secret::{Secret, SecretKind};

    fn record() -> Record {
        let secret = Secret::generate(SignInId::from_bytes([1; 16])).unwrap();
        let deadlines = Deadlines::starting(Lifetime::AAL1, Timestamp::EPOCH);
        let digests = secret.digests(SecretKind::Cookie);
        Record::new(secret.id(), SecretKind::Cookie, digests, None, deadlines, Timestamp::EPOCH)
    }

    fn attempt(record: &Record, retry: Retry) -> Attempt {
        let add = Change::update::<u32>("items", |json| {
            let items: u32 = json.map_or(Ok(0), serde_json::from_str)?;
            Ok((items + 1).to_string().into())
        });
        Attempt::new(record, &[add], retry).unwrap().unwrap()
    }

    /// The record after an attempt.
    fn after(record: &Record, attempt: &Attempt) -> Record {
        let mut next = record.clone();
        (next.data, next.version) = (attempt.data.clone(), record.version + 1);
        next
    }

    #[test]
    fn a_stored_attempt_shows_after_unmarked_updates() {
        let old = record();
        let lost = attempt(&old, Retry::Marked);
        assert_eq!(lost.outcome(&old), AttemptOutcome::Open);
        let mut newest = after(&old, &lost);
        for _ in 0..3 {
            assert_eq!(lost.outcome(&newest), AttemptOutcome::Stored);
            newest = after(&newest, &attempt(&newest, Retry::Never));
        }
    }

    /// Two requests that make equal changes lead to equal data. Only the mark distinguishes them.
    #[test]
    fn an_equal_update_of_another_request_is_not_mistaken_for_it() {
        let old = record();
        let lost = attempt(&old, Retry::Marked);
        let (marked, plain) = (attempt(&old, Retry::Marked), attempt(&old, Retry::Never));
        assert_eq!(lost.outcome(&after(&old, &marked)), AttemptOutcome::Failed);
        assert_eq!(lost.outcome(&after(&old, &plain)), AttemptOutcome::Failed);
        let mut later = after(&old, &plain);
        later = after(&later, &attempt(&later, Retry::Never));
        assert_eq!(
            lost.outcome(&later),
            AttemptOutcome::Failed,
            "the mark is the one that the attempt was made from"
        );
    }

    #[test]
    fn after_another_mark_the_outcome_is_unknown() {
        let old = record();
        let lost = attempt(&old, Retry::Marked);
        let mut newest = after(&old, &lost);
        newest = after(&newest, &attempt(&newest, Retry::Marked));
        assert_eq!(lost.outcome(&newest), AttemptOutcome::Unknown);
    }

    /// Regression: an attempt that was made from a version that a failover had lost replaced what
    /// others had stored under the same version number.
    #[test]
    fn another_version_with_the_same_number_is_not_replaced() {
        let old = record();
        let lost_version = after(&old, &attempt(&old, Retry::Never));
        for retry in [Retry::Never, Retry::Marked] {
            let unanswered = attempt(&lost_version, Retry::Marked);
            let others = [Change::set("theirs", Some("1".into()))];
            let others = Attempt::new(&old, &others, retry).unwrap().unwrap();
            let newest = after(&old, &others);
            assert_eq!(newest.version, lost_version.version);
            assert_eq!(unanswered.outcome(&newest), AttemptOutcome::Failed);
            assert_eq!(unanswered.outcome(&old), AttemptOutcome::Failed);
            assert_eq!(unanswered.outcome(&lost_version), AttemptOutcome::Open);
        }
    }

    #[test]
    fn the_mark_moves_into_another_sign_in() {
        let old = record();
        let lost = attempt(&old, Retry::Marked);
        let moved = |data: &SessionData| {
            let mut other = record();
            (other.id, other.data) = (SignInId::from_bytes([2; 16]), data.clone());
            other
        };
        assert_eq!(lost.outcome(&moved(&lost.data)), AttemptOutcome::Stored);
        assert_eq!(lost.outcome(&moved(&old.data)), AttemptOutcome::Failed);
    }
}
