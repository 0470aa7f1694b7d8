//! An update that may have happened, though nobody said so.

use auth_core::SignInId;

use crate::changes::{self, Change};
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::Record;

/// The key under which an update that may be sent again leaves its mark. Updates of others keep it,
/// so that it still shows after them.
const MARK: &str = "\u{1}saved";

/// Whether an update that was not answered may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The request ends with it.
    Never,
    /// It is marked, so that the next try can see whether it happened.
    Perhaps,
}

/// One compare-and-swap: at one version, of a record's data.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    sid: SignInId,
    pub(super) version: u64,
    /// The data that it was made from.
    base: SessionData,
    pub(super) data: SessionData,
    /// How many changes it makes.
    pub(super) makes: usize,
}

/// What became of an attempt that nobody answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AttemptOutcome {
    Happened,
    /// It did not happen, and cannot any more: its version is over.
    Never,
    /// It has not happened yet. Sent again, one of the two happens and the other finds the version
    /// changed.
    Open,
    /// Others have changed the data and left their own marks.
    Unknown,
}

impl Attempt {
    /// These changes of this record; none if they change nothing.
    pub(super) fn new(
        record: &Record,
        changes: &[Change],
        repeats: Repeats,
    ) -> Result<Option<Self>, AttemptError> {
        let mut data = changes::apply(&record.data, changes).map_err(AttemptError::Data)?;
        if data == record.data {
            return Ok(None);
        }
        if repeats == Repeats::Perhaps {
            data.insert(MARK, mark().map_err(AttemptError::Store)?);
        }
        if data.bytes() > SessionData::MAX_BYTES {
            return Err(AttemptError::TooLarge);
        }
        let (sid, version, makes) = (record.sid, record.version, changes.len());
        Ok(Some(Self { sid, version, base: record.data.clone(), data, makes }))
    }

    /// What became of it, given the newest record. It was marked.
    ///
    /// A store may lose the last versions and count them anew, as Redis does in a failover. So the
    /// version alone does not say that nobody else was there: the data has to be what it was.
    pub(super) fn fate(&self, newest: &Record) -> AttemptOutcome {
        let (mark, same) = (newest.data.get(MARK), newest.sid == self.sid);
        if mark == self.data.get(MARK) {
            AttemptOutcome::Happened
        } else if same && newest.version == self.version && newest.data == self.base {
            AttemptOutcome::Open
        } else if mark == self.base.get(MARK) || same && newest.version <= self.version + 1 {
            AttemptOutcome::Never // what it made would be a later version, or this one with its mark
        } else {
            AttemptOutcome::Unknown
        }
    }
}

/// Why there is no attempt.
#[derive(Debug)]
pub(super) enum AttemptError {
    /// A value is not what a change expects.
    Data(serde_json::Error),
    TooLarge,
    Store(StoreError),
}

/// A JSON text that no other attempt has.
fn mark() -> Result<String, StoreError> {
    let mark = getrandom::u64().map_err(StoreError::unavailable)?;
    Ok(format!("\"{mark:016x}\""))
}

#[cfg(test)]
mod tests {
    use auth_core::Timestamp;

    use super::*;
    use crate::lifetime::{Deadlines, Lifetime};
    use crate::secret::{Secret, SecretKind};

    fn record() -> Record {
        let secret = Secret::generate(SignInId::from_bytes([1; 16])).unwrap();
        let limits = Deadlines::starting(Lifetime::AAL1, Timestamp::EPOCH);
        let digests = secret.digests(SecretKind::Cookie);
        Record::new(secret.sid(), SecretKind::Cookie, digests, None, limits, Timestamp::EPOCH)
    }

    fn attempt(record: &Record, repeats: Repeats) -> Attempt {
        let add = Change::update("items", |json| {
            let items: u32 = json.map_or(Ok(0), serde_json::from_str)?;
            Ok((items + 1).to_string().into())
        });
        Attempt::new(record, &[add], repeats).unwrap().unwrap()
    }

    /// The record after an attempt.
    fn after(record: &Record, attempt: &Attempt) -> Record {
        let mut next = record.clone();
        (next.data, next.version) = (attempt.data.clone(), record.version + 1);
        next
    }

    #[test]
    fn what_happened_shows_after_updates_that_leave_no_mark() {
        let old = record();
        let lost = attempt(&old, Repeats::Perhaps);
        assert_eq!(lost.fate(&old), AttemptOutcome::Open);
        let mut newest = after(&old, &lost);
        for _ in 0..3 {
            assert_eq!(lost.fate(&newest), AttemptOutcome::Happened);
            newest = after(&newest, &attempt(&newest, Repeats::Never));
        }
    }

    /// Two requests that add the same make the same of it: only the mark tells them apart.
    #[test]
    fn an_equal_update_of_another_is_not_taken_for_it() {
        let old = record();
        let lost = attempt(&old, Repeats::Perhaps);
        let (marked, plain) = (attempt(&old, Repeats::Perhaps), attempt(&old, Repeats::Never));
        assert_eq!(lost.fate(&after(&old, &marked)), AttemptOutcome::Never);
        assert_eq!(lost.fate(&after(&old, &plain)), AttemptOutcome::Never);
        let mut later = after(&old, &plain);
        later = after(&later, &attempt(&later, Repeats::Never));
        assert_eq!(lost.fate(&later), AttemptOutcome::Never, "the mark is the one that it found");
    }

    #[test]
    fn after_another_mark_nothing_is_known() {
        let old = record();
        let lost = attempt(&old, Repeats::Perhaps);
        let mut newest = after(&old, &lost);
        newest = after(&newest, &attempt(&newest, Repeats::Perhaps));
        assert_eq!(lost.fate(&newest), AttemptOutcome::Unknown);
    }

    /// The fault: what others had stored under the same version was replaced by what was made from a
    /// version that a failover had lost.
    #[test]
    fn another_version_of_the_same_number_is_not_replaced() {
        let old = record();
        let lost_version = after(&old, &attempt(&old, Repeats::Never));
        for repeats in [Repeats::Never, Repeats::Perhaps] {
            let unanswered = attempt(&lost_version, Repeats::Perhaps);
            let others = [Change::set("theirs", Some("1".into()))];
            let others = Attempt::new(&old, &others, repeats).unwrap().unwrap();
            let newest = after(&old, &others);
            assert_eq!(newest.version, lost_version.version);
            assert_eq!(unanswered.fate(&newest), AttemptOutcome::Never);
            assert_eq!(unanswered.fate(&old), AttemptOutcome::Never);
            assert_eq!(unanswered.fate(&lost_version), AttemptOutcome::Open);
        }
    }

    #[test]
    fn the_mark_goes_along_into_another_sign_in() {
        let old = record();
        let lost = attempt(&old, Repeats::Perhaps);
        let moved = |data: &SessionData| {
            let mut other = record();
            (other.sid, other.data) = (SignInId::from_bytes([2; 16]), data.clone());
            other
        };
        assert_eq!(lost.fate(&moved(&lost.data)), AttemptOutcome::Happened);
        assert_eq!(lost.fate(&moved(&old.data)), AttemptOutcome::Never);
    }
}
