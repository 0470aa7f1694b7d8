//! A record in parts, for databases that change each part by itself.
//!
//! Numbers are 64-bit integers, and everything else is bytes, in the same form as in the stores that keep a
//! record as a whole.

use auth_core::{SignInId, Timestamp};

use super::encoding::{self, Malformed, text};
use super::stored::Record;
use crate::data::SessionData;
use crate::lifetime::Deadlines;
use crate::secret::{Digest, FamilyDigest, SecretDigests};

/// The parts of a record as they were read.
pub(crate) struct Columns {
    pub(crate) kind: i64,
    pub(crate) persistence: i64,
    pub(crate) version: i64,
    pub(crate) last_seen: i64,
    pub(crate) created_at: i64,
    pub(crate) authenticated_at: i64,
    pub(crate) idle_secs: i64,
    pub(crate) ends_at: i64,
    pub(crate) family: Vec<u8>,
    pub(crate) verifier: Vec<u8>,
    pub(crate) subject: Option<Vec<u8>>,
    pub(crate) grace: Vec<u8>,
    /// The encoded details. Without them, there is no grace.
    pub(crate) details: Option<Vec<u8>>,
    pub(crate) principal: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Columns {
    /// Decodes the record of this id.
    pub(crate) fn record(self, id: SignInId) -> Result<Record, Malformed> {
        let code = |column| u8::try_from(column).map_err(|_| Malformed);
        let digests = SecretDigests {
            family: FamilyDigest(fixed(&self.family)?),
            current: Digest(fixed(&self.verifier)?),
        };
        let subject = self.subject.as_deref().map(text).transpose()?.map(Into::into);
        let details = self.details.as_deref();
        let (kind, read) = encoding::read_kind(code(self.kind)?, details.unwrap_or_default())?;
        let deadlines = deadlines(self.idle_secs, self.ends_at)?;
        let mut record =
            Record::new(id, kind, digests, subject, deadlines, timestamp(self.last_seen));
        record.persistence = encoding::read_persistence(code(self.persistence)?)?;
        record.version = u64::try_from(self.version).map_err(|_| Malformed)?;
        record.created_at = timestamp(self.created_at);
        record.authenticated_at = timestamp(self.authenticated_at);
        match details {
            Some(_) => record.decode_details(read, &self.grace)?,
            None if self.grace.is_empty() => {}
            None => return Err(Malformed),
        }
        record.set_principal(self.principal);
        record.data = SessionData::decode(&self.data)?;
        Ok(record)
    }
}

/// Converts a time to a column. A time beyond `i64::MAX` means never.
pub(crate) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn timestamp(millis: i64) -> Timestamp {
    match u64::try_from(millis) {
        Ok(millis) if millis < i64::MAX.unsigned_abs() => Timestamp::from_millis(millis),
        Ok(_) => Timestamp::MAX,
        Err(_) => Timestamp::EPOCH,
    }
}

/// Converts a version to a column. No sign-in reaches a version beyond `i64::MAX`.
pub(crate) fn version(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

/// Decodes the deadlines from their columns.
pub(crate) fn deadlines(idle_secs: i64, ends_at: i64) -> Result<Deadlines, Malformed> {
    let idle_secs = u32::try_from(idle_secs).map_err(|_| Malformed)?;
    Ok(Deadlines { idle_secs, ends_at: timestamp(ends_at) })
}

/// Returns the earliest time at which a sign-in with these deadlines can have expired.
pub(crate) fn due_at(deadlines: Deadlines, last_seen: Timestamp) -> i64 {
    let idle = i64::from(deadlines.idle_secs) * 1000;
    let ends_at = millis(deadlines.ends_at);
    match idle {
        0 => ends_at,
        idle => ends_at.min(millis(last_seen).saturating_add(idle)),
    }
}

pub(crate) fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_survive_the_conversion_and_the_maximum_means_never() {
        for at in [0, 1, 1_800_000_000_000, i64::MAX.unsigned_abs() - 1] {
            assert_eq!(timestamp(millis(Timestamp::from_millis(at))).as_millis(), at);
        }
        assert_eq!(timestamp(millis(Timestamp::MAX)), Timestamp::MAX);
        assert_eq!(timestamp(-1), Timestamp::EPOCH);
    }

    #[test]
    fn a_sign_in_is_due_at_the_earlier_of_its_limits() {
        let at = Timestamp::from_millis;
        let due = |idle_secs, ends_at, seen| due_at(Deadlines { idle_secs, ends_at }, at(seen));
        assert_eq!(due(0, at(5000), 100), 5000);
        assert_eq!(due(2, at(5000), 100), 2100);
        assert_eq!(due(2, at(5000), 4000), 5000);
        assert_eq!(due(2, Timestamp::MAX, i64::MAX.unsigned_abs() - 1), i64::MAX);
    }
}
