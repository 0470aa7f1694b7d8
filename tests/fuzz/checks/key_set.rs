//! Arbitrary bytes as keys.
//!
//! Whatever is accepted as a key must work: the public half verifies what the private half signs.

use auth_core::{ManualClock, Outcome, Timestamp};
use auth_jwt::{Algorithm, HmacKey, JwtAuth, Key, KeySet, SigningKey, SigningKeys};
use serde_json::{Value, json};

/// Checks that the bytes are either rejected or are keys that work. Returns whether they are keys.
pub(crate) fn check(data: &[u8]) -> bool {
    let mut good = false;
    for algorithm in Algorithm::ALL {
        if let Ok(key) = SigningKey::from_pem(algorithm, data) {
            check_pair(&key, key.public_key().clone());
        }
        if let Ok(key) = Key::from_pem(algorithm, data) {
            assert_eq!(key.algorithm(), algorithm);
            good = true;
        }
    }
    let Ok(text) = std::str::from_utf8(data) else { return good };
    if let Ok(set) = KeySet::from_jwks(text) {
        assert!((1..=KeySet::MAX_KEYS).contains(&set.len()));
        let jwks: Value = serde_json::from_str(text).expect("a set is JSON");
        let listed = jwks["keys"].as_array().expect("a set has keys").len();
        // A key that is listed twice, for two issuers, is one key.
        let (kept, skipped) = (set.len(), set.skipped().len());
        assert!(kept + skipped <= listed, "{kept} and {skipped} of {listed}");
        let answer = JwtAuth::new(set).verify(b"eyJhbGciOiJFUzI1NiJ9.e30.AAAA").into_ready();
        assert!(matches!(answer, Ok(Outcome::Rejected(_))));
        good = true;
    }
    if let Ok(key) = Key::from_jwk(text) {
        for algorithm in Algorithm::ALL {
            let is_accepted = Key::from_jwk_for(algorithm, text).is_ok();
            assert_eq!(is_accepted, algorithm == key.algorithm(), "{algorithm}");
        }
        let set = KeySet::from_jwks(&format!(r#"{{"keys":[{text}]}}"#));
        assert_eq!(set.expect("a set of this key").len(), 1);
        good = true;
    }
    if let Ok(key) = SigningKey::from_jwk(text) {
        check_pair(&key, Key::from_jwk(text).expect("a private key has a public half"));
    }
    if let Ok(key) = HmacKey::from_jwk(text) {
        let token = key.sign("JWT", &claims()).expect("claims");
        check_verifies(Key::from_jwk(text).expect("the same secret"), &token);
    }
    good
}

/// Checks that the public half verifies what the private half signs.
fn check_pair(key: &SigningKey, public: Key) {
    assert_eq!(key.algorithm(), public.algorithm());
    let token = SigningKeys::new(key.clone()).sign("JWT", &claims()).expect("a signature");
    check_verifies(public.with_kid(key.kid()), &token);
}

fn check_verifies(key: Key, token: &str) {
    let clock = ManualClock::new(Timestamp::from_secs(1_800_000_000)).clock();
    let answer = JwtAuth::new(key).clock(clock).verify(token.as_bytes()).into_ready();
    assert!(matches!(answer, Ok(Outcome::Authenticated(_))), "{token}");
}

fn claims() -> Value {
    json!({ "sub": "alice", "exp": 1_800_000_300 })
}
