//! A record as bytes, in a form that scripts can change in place.
//!
//! Numbers are big-endian. Positions are those of the scripts, which count from 1.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 1 | 1 | the format: [`FORMAT`] |
//! | 2 | 1 | kind |
//! | 3 | 1 | persistence |
//! | 4 | 1 | flags: [`SUBJECT`], [`DETAILS`] |
//! | 5 | 8 | last seen |
//! | 13 | 8 | version |
//! | 21 | 8 | created at |
//! | 29 | 8 | authenticated at |
//! | 37 | 4 | idle seconds |
//! | 41 | 8 | ends at |
//! | 49 | 16 | the family's digest |
//! | 65 | 32 | the current verifier's digest |
//! | 97 | 4, 1, 4, 4 | the lengths of the next four parts |
//! | 110 | | subject, grace, details, principal, data |
//!
//! The parts are encoded as in all [stores](crate::stores::encoding). The id is not repeated, because it
//! is in the key. Of the secret, only digests are stored.

use std::fmt;
use std::sync::Arc;

use auth_core::SignInId;

use crate::lifetime::Deadlines;
use crate::record::Record;
use crate::secret::{Digest, FamilyDigest, SecretDigests};
use crate::stores::encoding::{self, Malformed, Reader, text};

/// The first byte of every record.
const FORMAT: u8 = 1;
/// The flag of a record with a subject.
const SUBJECT: u8 = 1;
/// The flag of a record with details, even if all of them are empty.
pub(super) const DETAILS: u8 = 2;

/// Why stored bytes are not a record.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// They have a format that this version does not know.
    Format(u8),
    /// They are truncated or damaged.
    Malformed(Malformed),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => write!(f, "the record has the unknown format {format}"),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<Malformed> for Unreadable {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

/// Decodes the record of this id.
pub(super) fn read(id: SignInId, bytes: &[u8]) -> Result<Record, Unreadable> {
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
    let deadlines = Deadlines { idle_secs, ends_at: from.timestamp()? };
    let digests =
        SecretDigests { family: FamilyDigest(from.array()?), current: Digest(from.array()?) };
    let lengths =
        [read_length(from)?, usize::from(from.byte()?), read_length(from)?, read_length(from)?];
    let mut part = |i: usize| from.bytes(lengths[i]);
    let (subject, grace, details, principal) = (part(0)?, part(1)?, part(2)?, part(3)?);

    let subject: Arc<str> = text(subject)?.into();
    let subject = (flags & SUBJECT != 0).then_some(subject);
    let mut record = Record::new(id, kind, digests, subject, deadlines, last_seen);
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

/// Reads a length of four bytes.
fn read_length(from: &mut Reader<'_>) -> Result<usize, Malformed> {
    usize::try_from(u32::from_be_bytes(from.array()?)).map_err(|_| Malformed)
}

/// Encodes a record.
pub(super) fn write(record: &Record) -> Vec<u8> {
    let grace = record.details.as_ref().and_then(|details| details.grace.as_ref());
    let grace = encoding::grace(grace);
    let details = record.details.as_deref().map_or_else(Vec::new, encoding::details);
    let data = encoding::data(&record.data);
    let subject = record.subject.as_deref().unwrap_or_default().as_bytes();
    let principal = record.principal();

    let mut out = Vec::with_capacity(256 + principal.len() + data.len());
    out.extend([
        FORMAT,
        record.kind as u8,
        encoding::persistence(record.persistence),
        flags(record),
    ]);
    out.extend(record.last_seen().as_millis().to_be_bytes());
    out.extend(record.version.to_be_bytes());
    out.extend(record.created_at.as_millis().to_be_bytes());
    out.extend(record.authenticated_at.as_millis().to_be_bytes());
    out.extend(record.deadlines.idle_secs.to_be_bytes());
    out.extend(record.deadlines.ends_at.as_millis().to_be_bytes());
    out.extend(record.family.0);
    out.extend(record.current.0);
    out.extend(length(subject));
    out.push(grace.len().to_le_bytes()[0]);
    out.extend(length(&details));
    out.extend(length(principal));
    for part in [subject, &grace, &details, principal, &data] {
        out.extend_from_slice(part);
    }
    out
}

fn flags(record: &Record) -> u8 {
    let subject = if record.subject.is_some() { SUBJECT } else { 0 };
    let details = if record.details.is_some() { DETAILS } else { 0 };
    subject | details
}

/// Encodes a length in four bytes. Redis accepts no value above half a gigabyte, so a record with a
/// length that does not fit is never stored.
fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretKind;
    use auth_core::Timestamp;
    use proptest::prelude::*;

    fn record() -> Record {
        let digests = SecretDigests { family: FamilyDigest([1; 16]), current: Digest([2; 32]) };
        let deadlines = Deadlines { idle_secs: 60, ends_at: Timestamp::MAX };
        let id = SignInId::from_bytes([3; 16]);
        let at = Timestamp::from_secs(1_800_000_000);
        let mut record =
            Record::new(id, SecretKind::Bearer, digests, Some("ada".into()), deadlines, at);
        record.details = Some(Box::default());
        record.data.insert("cart", "[1]");
        record
    }

    /// The positions that the scripts use.
    #[test]
    fn the_head_has_the_layout_of_the_scripts() {
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
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
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
