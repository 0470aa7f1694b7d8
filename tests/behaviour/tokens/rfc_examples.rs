//! The examples of RFC 7515, 7517, 7520 and 8037. Few of them contain the claims of a JWT, and none
//! has a subject, so all are rejected. The reason shows whether the signature was valid: only then
//! are the claims read.

use std::time::Duration;

use auth_core::{ManualClock, Timestamp};
use auth_jwt::{Algorithm, HmacKey, InvalidKey, JwtAuth, Key, KeySet, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::kit::{Signer, encoded, flip, parts, rejection};

#[derive(Deserialize)]
struct Example {
    section: String,
    alg: String,
    jwk: Value,
    token: String,
}

impl Example {
    /// Returns the key of the example, for the algorithm of the example.
    fn key(&self) -> Key {
        let algorithm: Algorithm = self.alg.parse().unwrap();
        Key::from_jwk_for(algorithm, &self.jwk.to_string()).unwrap()
    }

    /// Returns why the token is rejected, and why the same token with another signature is.
    async fn reasons(&self) -> [&'static str; 2] {
        let auth = JwtAuth::new(self.key()).clock(in_2011());
        [rejection(&auth, &self.token).await, rejection(&auth, flip(&self.token)).await]
    }
}

/// A time just before the tokens of RFC 7515 expire.
fn in_2011() -> auth_core::Clock {
    let clock = ManualClock::new(Timestamp::from_secs(1_300_819_000));
    clock.advance(Duration::from_secs(300));
    clock.clock()
}

fn examples(json: &str) -> Vec<Example> {
    serde_json::from_str(json).unwrap()
}

fn rfc_7515() -> Vec<Example> {
    examples(include_str!("vectors/rfc7515.json"))
}

fn rfc_7520() -> Vec<Example> {
    examples(include_str!("vectors/rfc7520.json"))
}

fn rfc_8037() -> Example {
    examples(include_str!("vectors/rfc8037.json")).remove(0)
}

#[tokio::test]
async fn signatures_of_rfc_7515_verify() {
    for example in rfc_7515() {
        let expected = ["no subject", "bad signature"];
        assert_eq!(example.reasons().await, expected, "{}", example.section);
    }
}

#[tokio::test]
async fn signatures_of_rfc_7520_verify() {
    for example in rfc_7520() {
        let expected = ["malformed", "bad signature"];
        assert_eq!(example.reasons().await, expected, "{}", example.section);
    }
}

#[tokio::test]
async fn the_signature_of_rfc_8037_verifies() {
    assert_eq!(rfc_8037().reasons().await, ["malformed", "bad signature"]);
}

/// Ed25519 is the name of `EdDSA` in RFC 9864, with the same key and the same signature.
#[tokio::test]
async fn ed25519_has_two_names_and_one_key() {
    let signer = Signer::of(SigningKey::from_jwk(&rfc_8037().jwk.to_string()).unwrap());
    let token = signer.forge(&json!({ "alg": "Ed25519" }), &super::kit::claims());
    let auth = super::kit::auth(rfc_8037().key());
    assert_eq!(super::kit::verify(&auth, &token).await.unwrap().subject(), "alice");
}

/// The token of appendix A.5.
#[tokio::test]
async fn sec_49_the_unsecured_token_of_rfc_7515_is_rejected() {
    let payload = parts(&rfc_7515()[0].token)[1].to_owned();
    let token = format!("{}.{payload}.", encoded(r#"{"alg":"none"}"#));
    for example in rfc_7515() {
        let auth = JwtAuth::new(example.key()).clock(in_2011());
        assert_eq!(rejection(&auth, &token).await, "malformed");
        assert_eq!(rejection(&auth, format!("{token}AAAA")).await, "unknown algorithm");
    }
}

/// The private keys sign, and produce the same bytes where an algorithm is deterministic. The
/// signatures cover the headers of the examples.
#[test]
fn private_keys_make_the_signatures_of_the_examples() {
    for example in rfc_7515().into_iter().chain(rfc_7520()).chain([rfc_8037()]) {
        let alg: &str = &example.alg;
        if !["HS256", "RS256", "EdDSA"].contains(&alg) {
            continue;
        }
        let mut jwk = example.jwk.clone();
        jwk["alg"] = json!(alg);
        let signer = match SigningKey::from_jwk(&jwk.to_string()) {
            Ok(pair) => Signer::of(pair),
            Err(_) => {
                HmacKey::from_jwk(&jwk.to_string()).unwrap();
                let secret = super::kit::decoded(jwk["k"].as_str().unwrap());
                Signer::shared(Algorithm::Hs256, &secret)
            }
        };
        let message = example.token.rsplit_once('.').unwrap().0;
        assert_eq!(signer.signed(message), example.token, "{}", example.section);
    }
}

fn rfc_7517(section: &str) -> String {
    let sets: Value = serde_json::from_str(include_str!("vectors/rfc7517.json")).unwrap();
    sets[section].to_string()
}

fn skipped(set: &KeySet) -> Vec<(Option<&str>, InvalidKey)> {
    set.skipped().iter().map(|key| (key.kid.as_deref(), key.error.clone())).collect()
}

/// One of the two keys is for encryption.
#[test]
fn the_key_sets_of_rfc_7517_are_read() {
    for section in ["A.1", "A.2"] {
        let set = KeySet::from_jwks(&rfc_7517(section)).unwrap();
        assert_eq!(set.len(), 1, "{section}");
        assert_eq!(skipped(&set), [(Some("1"), InvalidKey::UseMismatch)], "{section}");
    }
    let set: Value = serde_json::from_str(&rfc_7517("A.2")).unwrap();
    let private = SigningKey::from_jwk(&set["keys"][1].to_string()).unwrap();
    assert_eq!((private.kid(), private.algorithm()), ("2011-04-29", Algorithm::Rs256));
    assert!(SigningKey::from_jwk(&set["keys"][0].to_string()).is_err());
}

/// One symmetric key is for encryption, and the other has no algorithm. It can be used if the
/// application names one: it is the key of RFC 7515 appendix A.1.
#[tokio::test]
async fn the_symmetric_keys_of_rfc_7517_keep_their_use() {
    let InvalidKey::NoneUsable(skipped) = KeySet::from_jwks(&rfc_7517("A.3")).unwrap_err() else {
        panic!("no key can be used, and the error names the reasons")
    };
    let whys: Vec<_> = skipped.iter().map(ToString::to_string).collect();
    assert_eq!(whys[0], "key without a `kid`: the key is only for `A128KW`");
    assert!(whys[1].ends_with(": the key names no algorithm: specify one"), "{whys:?}");
    let set: Value = serde_json::from_str(&rfc_7517("A.3")).unwrap();
    let [wrap, hmac] = [0, 1].map(|at| set["keys"][at].to_string());
    assert_eq!(Key::from_jwk(&wrap).unwrap_err(), InvalidKey::AlgorithmMismatch("A128KW".into()));
    assert_eq!(Key::from_jwk(&hmac).unwrap_err(), InvalidKey::NoAlgorithm);
    let auth = JwtAuth::new(Key::from_jwk_for(Algorithm::Hs256, &hmac).unwrap()).clock(in_2011());
    assert_eq!(rejection(&auth, &rfc_7515()[0].token).await, "no subject");
}
