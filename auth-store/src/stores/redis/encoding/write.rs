//! Writing a record.

use super::{DETAILS, FORMAT, SUBJECT};
use crate::record::Record;
use crate::stores::encoding;

/// The record's bytes.
pub(in crate::stores::redis) fn write(record: &Record) -> Vec<u8> {
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
    out.extend(record.limits.idle_secs.to_be_bytes());
    out.extend(record.limits.ends_at.as_millis().to_be_bytes());
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

/// Redis takes no value of half a gigabyte, so a length that does not fit is never stored.
fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes()
}
