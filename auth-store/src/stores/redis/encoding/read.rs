//! Reading a record.

use std::sync::Arc;

use auth_core::SignInId;

use super::unreadable::Unreadable;
use super::{DETAILS, FORMAT, SUBJECT};
use crate::lifetime::Deadlines;
use crate::record::Record;
use crate::secret::{Digest, FamilyDigest, SecretDigests};
use crate::stores::encoding::{self, Malformed, Reader, text};

/// The record of this id.
pub(in crate::stores::redis) fn read(sid: SignInId, bytes: &[u8]) -> Result<Record, Unreadable> {
    let from = &mut Reader(bytes);
    match from.byte()? {
        FORMAT => {}
        other => return Err(Unreadable::Format(other)),
    }
    let kind = encoding::kind(from.byte()?)?;
    let persistence = encoding::read_persistence(from.byte()?)?;
    let flags = from.byte()?;
    let last_seen = from.timestamp()?;
    let version = u64::from_be_bytes(from.array()?);
    let (created_at, authenticated_at) = (from.timestamp()?, from.timestamp()?);
    let idle_secs = u32::from_be_bytes(from.array()?);
    let limits = Deadlines { idle_secs, ends_at: from.timestamp()? };
    let digests =
        SecretDigests { family: FamilyDigest(from.array()?), current: Digest(from.array()?) };
    let lengths = [length(from)?, usize::from(from.byte()?), length(from)?, length(from)?];
    let mut part = |i: usize| from.bytes(lengths[i]);
    let (subject, grace, details, principal) = (part(0)?, part(1)?, part(2)?, part(3)?);

    let subject: Arc<str> = text(subject)?.into();
    let subject = (flags & SUBJECT != 0).then_some(subject);
    let mut record = Record::new(sid, kind, digests, subject, limits, last_seen);
    record.persistence = persistence;
    record.set_principal(principal);
    record.data = encoding::read_data(from.0)?;
    record.created_at = created_at;
    record.authenticated_at = authenticated_at;
    record.version = version;
    if flags & DETAILS != 0 {
        let mut details = encoding::read_details(details)?;
        details.grace = encoding::read_grace(grace)?;
        record.details = Some(Box::new(details));
    }
    Ok(record)
}

/// A length that stands in four bytes.
fn length(from: &mut Reader<'_>) -> Result<usize, Malformed> {
    usize::try_from(u32::from_be_bytes(from.array()?)).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;
    use crate::secret::SecretKind;
    use auth_core::Timestamp;
    use proptest::prelude::*;

    fn record() -> Record {
        let digests = SecretDigests { family: FamilyDigest([1; 16]), current: Digest([2; 32]) };
        let limits = Deadlines { idle_secs: 60, ends_at: Timestamp::MAX };
        let sid = SignInId::from_bytes([3; 16]);
        let at = Timestamp::from_secs(1_800_000_000);
        let mut record =
            Record::new(sid, SecretKind::Bearer, digests, Some("ada".into()), limits, at);
        record.details = Some(Box::default());
        record.data.insert("cart", "[1]");
        record
    }

    /// The positions that the scripts count on.
    #[test]
    fn the_head_is_where_the_scripts_look() {
        let mut record = record();
        record.version = 5;
        let bytes = write(&record);
        assert_eq!(bytes[..4], [FORMAT, 2, 0, SUBJECT | DETAILS]);
        assert_eq!(bytes[4..12], 1_800_000_000_000_u64.to_be_bytes());
        assert_eq!(bytes[12..20], 5_u64.to_be_bytes());
        assert_eq!(bytes[36..40], 60_u32.to_be_bytes());
        assert_eq!(bytes[40..48], [0xff; 8]);
        assert_eq!(bytes[48..64], [1; 16]);
        assert_eq!(bytes[64..96], [2; 32]);
        assert_eq!(bytes[109..112], *b"ada");
    }

    proptest! {
        #[test]
        fn whatever_is_stored_is_read_without_panic(bytes: Vec<u8>) {
            let _ = read(SignInId::from_bytes([3; 16]), &bytes);
        }

        #[test]
        fn a_damaged_record_is_read_without_panic(at in 0usize..130, byte: u8, end in 0usize..130) {
            let mut bytes = write(&record());
            let at = at % bytes.len();
            bytes[at] = byte;
            let _ = read(SignInId::from_bytes([3; 16]), &bytes);
            let _ = read(SignInId::from_bytes([3; 16]), &bytes[..end.min(bytes.len())]);
        }
    }
}
