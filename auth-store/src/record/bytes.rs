//! A record as bytes: [`Record::to_bytes`] and [`Record::from_bytes`].
//!
//! Numbers are big-endian. Positions count from 1, as in the scripts of the Redis store, which change
//! records in place.
//!
//! | at | bytes | what |
//! |---|---|---|
//! | 1 | 1 | the format: [`FORMAT`] |
//! | 2 | 1 | kind; if it is a custom one, the details begin with its name |
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
//! `encoding` has the form of the parts. Of the secret, only digests are stored.
//!
//! A later release that adds a field either adds it at the end of the details, so that this one keeps it,
//! or changes the format, so that this one refuses the record.

use std::fmt;
use std::sync::Arc;

use auth_core::SignInId;

use super::encoding::{self, Malformed, Reader, text};
use super::stored::{Record, SignInDetails};
use crate::data::SessionData;
use crate::error::{StoreError, StoreErrorKind};
use crate::lifetime::Deadlines;
use crate::secret::{Digest, FamilyDigest, SecretDigests};

/// The first byte of every record.
const FORMAT: u8 = 1;
/// The flag of a record with a subject.
const SUBJECT: u8 = 1;
/// The flag of a record with details, even if all of them are empty.
pub(crate) const DETAILS: u8 = 2;

/// Why stored bytes are not a record.
#[derive(Debug)]
enum Unreadable {
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

impl Record {
    /// Encodes this record, for a store that keeps bytes under the sign-in's id.
    ///
    /// The bytes contain everything but the id. They contain only digests of secrets. Their form has a version,
    /// so that [`from_bytes`](Self::from_bytes) of another release never drops a field silently.
    ///
    /// ```
    /// # use auth_core::{SignInId, Timestamp};
    /// # use auth_store::{Deadlines, Lifetime, Record, Secret, SecretKind};
    /// # fn example(record: Record) -> Result<(), auth_store::StoreError> {
    /// let mut stored = record.to_bytes();
    /// // Later, for example to store other roles and claims:
    /// let record = Record::from_bytes(record.id, &stored)?;
    /// stored = record.amended(*br#"{"roles":["admin"],"claims":null}"#).to_bytes();
    /// # let _ = stored; Ok(())
    /// # }
    /// # let id = SignInId::from_bytes([1; 16]);
    /// # let (kind, now) = (SecretKind::Cookie, Timestamp::from_secs(1000));
    /// # let digests = Secret::generate(id).unwrap().digests(kind);
    /// # let deadlines = Deadlines::starting(Lifetime::AAL2, now);
    /// # example(Record::new(id, kind, digests, Some("ada".into()), deadlines, now)).unwrap();
    /// ```
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let grace = encoding::grace(self.grace());
        let details = self.encoded_details();
        let flags = flags(self, details.is_some());
        let details = details.unwrap_or_default();
        let data = self.data.encoded();
        let subject = self.subject.as_deref().unwrap_or_default().as_bytes();
        let principal = self.principal();

        let mut out = Vec::with_capacity(256 + principal.len() + data.len());
        let (kind, persistence) = (self.kind.code(), encoding::persistence(self.persistence));
        out.extend([FORMAT, kind, persistence, flags]);
        out.extend(self.last_seen().as_millis().to_be_bytes());
        out.extend(self.version.to_be_bytes());
        out.extend(self.created_at.as_millis().to_be_bytes());
        out.extend(self.authenticated_at.as_millis().to_be_bytes());
        out.extend(self.deadlines.idle_secs.to_be_bytes());
        out.extend(self.deadlines.ends_at.as_millis().to_be_bytes());
        out.extend(self.family.0);
        out.extend(self.current.0);
        out.extend(length(subject));
        out.push(grace.len().to_le_bytes()[0]);
        out.extend(length(&details));
        out.extend(length(principal));
        for part in [subject, &grace, &details, principal, data] {
            out.extend_from_slice(part);
        }
        out
    }

    /// Decodes the record of this id from what [`to_bytes`](Self::to_bytes) returned.
    ///
    /// Bytes of a later release can be read if that release only added details. The added details are kept,
    /// and `to_bytes` returns them again.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`](StoreErrorKind::Invalid) if the bytes are damaged, or if a later release has
    /// written something that this one does not know.
    pub fn from_bytes(id: SignInId, bytes: &[u8]) -> Result<Self, StoreError> {
        read(id, bytes).map_err(|error| StoreError::new(StoreErrorKind::Invalid, error))
    }

    /// Encodes the name of a custom kind and the details, without the grace. Includes the fields of a later
    /// release.
    pub(crate) fn encoded_details(&self) -> Option<Vec<u8>> {
        encoding::details(self.kind, self.details.as_deref())
    }

    /// Sets the details to those that [`encoded_details`](Self::encoded_details) returned, without the name of
    /// the kind, and the grace.
    pub(crate) fn decode_details(&mut self, details: &[u8], grace: &[u8]) -> Result<(), Malformed> {
        let grace = encoding::read_grace(grace)?;
        self.details = Some(Box::new(SignInDetails { grace, ..encoding::read_details(details)? }));
        Ok(())
    }
}

/// Decodes the record of this id.
fn read(id: SignInId, bytes: &[u8]) -> Result<Record, Unreadable> {
    let from = &mut Reader(bytes);
    match from.byte()? {
        FORMAT => {}
        other => return Err(Unreadable::Format(other)),
    }
    let kind = from.byte()?;
    let persistence = encoding::read_persistence(from.byte()?)?;
    let flags = from.byte()?;
    if flags & !(SUBJECT | DETAILS) != 0 {
        return Err(Malformed.into());
    }
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

    let is_unexpected = |flag, part: &[u8]| flags & flag == 0 && !part.is_empty();
    if is_unexpected(SUBJECT, subject)
        || is_unexpected(DETAILS, grace)
        || is_unexpected(DETAILS, details)
    {
        return Err(Malformed.into());
    }
    let (kind, details) = encoding::read_kind(kind, details)?;
    let name: Arc<str> = text(subject)?.into();
    let name = (flags & SUBJECT != 0).then_some(name);
    let mut record = Record::new(id, kind, digests, name, deadlines, last_seen);
    record.persistence = persistence;
    record.set_principal(principal);
    record.data = SessionData::decode(from.0)?;
    record.created_at = created_at;
    record.authenticated_at = authenticated_at;
    record.version = version;
    if flags & DETAILS != 0 {
        record.decode_details(details, grace)?;
    }
    Ok(record)
}

/// Reads a length of four bytes.
fn read_length(from: &mut Reader<'_>) -> Result<usize, Malformed> {
    usize::try_from(u32::from_be_bytes(from.array()?)).map_err(|_| Malformed)
}

fn flags(record: &Record, has_details: bool) -> u8 {
    let subject = if record.subject.is_some() { SUBJECT } else { 0 };
    subject | if has_details { DETAILS } else { 0 }
}

/// Encodes a length in four bytes. Redis accepts no value above half a gigabyte, so a record with a
/// length that does not fit is never stored.
fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use auth_core::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::secret::SecretKind;

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
        let bytes = record.to_bytes();
        assert_eq!(bytes[..4], [FORMAT, 2, 0, SUBJECT | DETAILS]);
        assert_eq!(bytes[4..12], 1_800_000_000_000_u64.to_be_bytes());
        assert_eq!(bytes[12..20], 5_u64.to_be_bytes());
        assert_eq!(bytes[36..40], 60_u32.to_be_bytes());
        assert_eq!(bytes[40..48], [0xff; 8]);
        assert_eq!(bytes[48..64], [1; 16]);
        assert_eq!(bytes[64..96], [2; 32]);
        assert_eq!(bytes[109..112], *b"ada");
    }

    /// The name of a custom kind precedes the details, which may be missing or have fields of a later release.
    #[test]
    fn a_custom_kind_is_read_as_it_was_written() {
        let kind = SecretKind::custom("api-key");
        for later in [None, Some(&b""[..]), Some(b"\x05later")] {
            let details = later
                .map(|later| SignInDetails { later: later.into(), ..SignInDetails::default() });
            let mut custom = record();
            (custom.kind, custom.details) = (kind, details.map(Box::new));
            let bytes = custom.to_bytes();
            assert_eq!(bytes[..4], [FORMAT, 4, 0, SUBJECT | DETAILS]);
            assert_eq!(bytes[112..120], *b"\x07api-key");
            let read = Record::from_bytes(custom.id, &bytes).unwrap();
            assert_eq!((read.kind, read.details), (kind, custom.details.or(Some(Box::default()))));
            let read = Record::from_bytes(custom.id, &bytes).unwrap();
            assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_custom_kind_without_a_valid_name_is_refused() {
        let mut custom = record();
        custom.kind = SecretKind::custom("api-key");
        let bytes = custom.to_bytes();
        for name in [&b"\x07API-KEY"[..], b"\x07session", b"\x7fapi-key", b"\0api-key"] {
            let mut damaged = bytes.clone();
            damaged[112..112 + name.len()].copy_from_slice(name);
            assert!(Record::from_bytes(custom.id, &damaged).is_err(), "{name:?}");
        }
        let mut named = record().to_bytes();
        named[1] = SecretKind::CUSTOM;
        assert!(Record::from_bytes(custom.id, &named).is_err(), "without details");
    }

    /// A release that adds a field adds it at the end of the details.
    #[test]
    fn a_field_of_a_later_release_is_kept() {
        let mut later = record();
        later.details.get_or_insert_default().later = Box::from(*b"\x05later");
        let stored = later.to_bytes();
        let read = Record::from_bytes(later.id, &stored).unwrap();
        assert_eq!(read.to_bytes(), stored);
        let updated = read.updated(SessionData::new());
        let amended = Record::from_bytes(later.id, &updated.to_bytes()).unwrap().amended(*b"{}");
        assert_eq!(amended.details, later.details);
        assert_eq!(amended.version, later.version + 2);
    }

    #[test]
    fn what_a_later_release_changed_elsewhere_is_refused() {
        let bytes = record().to_bytes();
        for (at, value) in [(0, FORMAT + 1), (1, 9), (2, 2), (3, SUBJECT | DETAILS | 4)] {
            let mut later = bytes.clone();
            later[at] = value;
            let error = Record::from_bytes(record().id, &later).expect_err("it is not known");
            assert_eq!(error.kind(), StoreErrorKind::Invalid);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = Record::from_bytes(SignInId::from_bytes([3; 16]), &bytes);
        }

        /// What is read is all that there is: it is written as the same bytes.
        #[test]
        fn a_damaged_record_is_refused_or_kept(at in 0usize..130, byte: u8, end in 0usize..130) {
            let id = SignInId::from_bytes([3; 16]);
            let mut bytes = record().to_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            for bytes in [&bytes[..], &bytes[..end.min(bytes.len())]] {
                if let Ok(read) = Record::from_bytes(id, bytes) {
                    let again = Record::from_bytes(id, &read.to_bytes()).unwrap();
                    prop_assert_eq!(again.to_bytes(), read.to_bytes());
                }
            }
        }
    }
}
