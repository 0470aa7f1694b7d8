//! Tokens as text, and the clock, audience and claims that the tests share.

use auth_core::{Claims, ManualClock, Timestamp};
use auth_jwt::{JwtAuth, KeySource};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The time of the tests, in seconds.
pub(crate) const NOW: u64 = 1_800_000_000;

/// Returns a clock that shows [`NOW`].
pub(crate) fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_secs(NOW))
}

/// Returns a verifier for the audience `shop` with a stopped clock.
pub(crate) fn auth<K: KeySource>(keys: K) -> JwtAuth<Claims, K::Mode> {
    JwtAuth::new(keys).audience("shop").clock(clock().clock())
}

/// Returns the claims of a valid token.
pub(crate) fn claims() -> Value {
    json!({ "sub": "alice", "aud": "shop", "iat": NOW, "exp": NOW + 300 })
}

/// Returns the claims of a valid token with these members added or replaced.
pub(crate) fn with(more: Value) -> Value {
    let (mut claims, Value::Object(more)) = (claims(), more) else { panic!("no claims") };
    claims.as_object_mut().unwrap().extend(more);
    claims
}

/// Returns the claims of a valid token without one of them.
pub(crate) fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

pub(crate) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decoded(part: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()
}

/// Returns the header, payload and signature as they are encoded.
pub(crate) fn parts(token: &str) -> [&str; 3] {
    let parts: Vec<_> = token.split('.').collect();
    parts.try_into().unwrap()
}

/// Returns the token with one bit of its signature flipped.
pub(crate) fn flip(token: &str) -> String {
    let [header, payload, signature] = parts(token);
    let mut signature = decoded(signature);
    let middle = signature.len() / 2;
    signature[middle] ^= 1;
    format!("{header}.{payload}.{}", encoded(signature))
}
