//! Arbitrary bytes as a stored sign-in.
//!
//! What is read must be written again without a loss, and must be what the scripts of the Redis store read
//! at fixed positions.

use auth_core::{Claims, Identity, SignInId, Timestamp};
use auth_store::{Record, Secret, SecretKind, SecretMatch};

const ID: SignInId = SignInId::from_bytes([3; 16]);

/// Checks that the bytes are either rejected, or are a record that is written and read again without a
/// loss. Returns whether they are a record.
pub(crate) fn check(data: &[u8]) -> bool {
    let Ok(record) = Record::from_bytes(ID, data) else { return false };
    let written = record.to_bytes();
    check_parts(parts(data), parts(&written));
    check_positions(&record, data);
    let read = Record::from_bytes(ID, &written).expect("a record that was just written");
    assert_eq!(read.to_bytes(), written);
    check_use(&record);
    true
}

/// Splits the bytes into head, subject, grace, details, principal and data.
fn parts(bytes: &[u8]) -> [&[u8]; 6] {
    let length = |at: usize| number(&bytes[at..at + 4]) as usize;
    let lengths = [length(96), usize::from(bytes[100]), length(101), length(105)];
    let mut rest = &bytes[109..];
    let [subject, grace, details, principal] = lengths.map(|length| {
        let (part, after) = rest.split_at(length);
        rest = after;
        part
    });
    [&bytes[..96], subject, grace, details, principal, rest]
}

/// Checks that nothing was lost. A grace of an earlier release gets the fields that it lacks, empty details
/// take no bytes, and data is sorted.
fn check_parts(read: [&[u8]; 6], written: [&[u8]; 6]) {
    let [grace, details, data] = [2, 3, 5].map(|at| (read[at], written[at]));
    for at in [0, 1, 4] {
        assert_eq!(read[at], written[at]);
    }
    assert!(grace.1.starts_with(grace.0));
    // The name of a custom kind precedes the details.
    let name = if read[0][1] == 4 { 1 + usize::from(details.0[0]) } else { 0 };
    let is_empty = details.1.len() == name && details.0[name..].iter().all(|byte| *byte == 0);
    assert!(details.0 == details.1 || is_empty && details.0.starts_with(details.1));
    assert_eq!(data.0.len(), data.1.len());
}

fn check_positions(record: &Record, bytes: &[u8]) {
    let [head, subject, ..] = parts(bytes);
    let at = |position: usize| number(&head[position - 1..position + 7]);
    let times = [record.last_seen(), record.created_at, record.authenticated_at];
    assert_eq!(times.map(Timestamp::as_millis), [5, 21, 29].map(at));
    assert_eq!([record.version, record.deadlines.ends_at.as_millis()], [13, 41].map(at));
    assert_eq!(u64::from(record.deadlines.idle_secs), number(&head[36..40]));
    assert_eq!([&record.family.0[..], &record.current.0].concat(), head[48..]);
    let has_subject = head[3] % 2 == 1;
    assert_eq!(record.subject.as_deref().map(str::as_bytes), has_subject.then_some(subject));
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Checks what requests do with a record.
fn check_use(record: &Record) {
    let secret = Secret::parse(&[b'A'; 86]).expect("64 bytes");
    let ends_at = record.deadlines.ends_at;
    let custom = SecretKind::custom("fuzz");
    for kind in [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh, custom] {
        let digests = secret.digests(kind);
        let belongs = digests.family == record.family || digests.current == record.current;
        for at in [Timestamp::EPOCH, record.last_seen(), ends_at, Timestamp::MAX] {
            let found = record.match_secret(&secret, kind, at);
            assert_eq!(found != SecretMatch::Unknown, belongs);
        }
    }
    assert!(record.expiry(ends_at).is_some() && record.expiry(Timestamp::MAX).is_some());
    assert_eq!(record.info().id, record.id);
    assert!(record.bytes() >= record.data.bytes());
    match record.identity::<Claims>() {
        Ok(identity) => {
            let subject = identity.as_ref().map(Identity::subject);
            let proven = record.subject.as_deref().filter(|_| !record.is_pending());
            assert_eq!(subject, proven);
        }
        Err(_) => assert!(record.subject.is_some()),
    }
}
