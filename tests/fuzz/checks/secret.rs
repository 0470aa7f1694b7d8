//! Arbitrary bytes as a secret.
//!
//! A secret has one text form only, so that no second text proves the same sign-in.

use auth_store::{Secret, SecretKind};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// Checks that a secret is the text of 64 bytes, has one text only, and has other digests for each kind.
/// Returns whether the bytes are a secret.
pub(crate) fn check(data: &[u8]) -> bool {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(data).ok().filter(|bytes| bytes.len() == 64);
    let secret = Secret::parse(data);
    assert_eq!(secret.is_some(), bytes.is_some());
    let (Some(secret), Some(bytes)) = (secret, bytes) else { return false };
    assert_eq!(secret.to_text().as_bytes(), data);
    assert_eq!(secret.id().as_bytes()[..], bytes[..16]);
    let custom = SecretKind::custom("fuzz");
    let kinds = [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh, custom]
        .map(|kind| secret.digests(kind));
    for pair in [[0, 1], [1, 2], [0, 2], [0, 3], [1, 3], [2, 3]] {
        let [one, other] = pair.map(|at| kinds[at]);
        assert!(one.family != other.family && one.current != other.current);
    }
    let shown = format!("{secret:?} {kinds:?}");
    assert!(!shown.contains(std::str::from_utf8(&data[43..]).expect("base64url")));
    true
}
