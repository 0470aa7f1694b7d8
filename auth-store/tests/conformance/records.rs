//! Records as faulty stores write them.

use auth_core::{SignInId, Timestamp};
use auth_store::{Deadlines, Digest, FamilyDigest, Record, SecretDigests, SecretKind};

/// Returns a record with this id and no other information.
pub(crate) fn blank(id: SignInId) -> Record {
    let digests = SecretDigests { family: FamilyDigest([0; 16]), current: Digest([0; 32]) };
    let deadlines = Deadlines { idle_secs: 0, ends_at: Timestamp::MAX };
    Record::new(id, SecretKind::Cookie, digests, None, deadlines, Timestamp::EPOCH)
}

/// Returns the record with another last-seen time.
pub(crate) fn seen_at(record: &Record, at: Timestamp) -> Record {
    let digests = SecretDigests { family: record.family, current: record.current };
    let (subject, deadlines) = (record.subject.clone(), record.deadlines);
    let mut new = Record::new(record.id, record.kind, digests, subject, deadlines, at);
    new.set_principal(record.principal());
    new.persistence = record.persistence;
    new.data = record.data.clone();
    new.details.clone_from(&record.details);
    new.version = record.version;
    new.created_at = record.created_at;
    new.authenticated_at = record.authenticated_at;
    new
}
