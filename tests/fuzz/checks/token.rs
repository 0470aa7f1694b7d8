//! Arbitrary bytes as a token, and arbitrary headers and claims in a token with a valid signature.
//!
//! A token that is accepted is read again by another JSON reader, which must find the same. Verifiers
//! with a cache must agree with those without one.

use std::fmt;
use std::sync::LazyLock;

use auth_core::{Identity, ManualClock, Outcome, RejectionReason, Timestamp};
use auth_jwt::{JwtAuth, Key, KeySet, Validation};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

const SECRET: [u8; 32] = [7; 32];
/// The time of the tests, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

/// The keys of RFC 7515 appendix A.3 and RFC 8037 appendix A.2.
const PUBLIC: [&str; 2] = [
    r#"{"kty":"EC","crv":"P-256","kid":"a","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
];

type Auth = JwtAuth;

struct Verifiers {
    plain: Auth,
    /// Pairs with the same configuration: one with a cache, and one without.
    pairs: [[Auth; 2]; 3],
}

static VERIFIERS: LazyLock<Verifiers> = LazyLock::new(|| {
    let clock = ManualClock::new(Timestamp::from_secs(NOW)).clock();
    let secret = || Key::from(Key::hs256(SECRET).expect("long enough"));
    let public = || PUBLIC.map(|jwk| Key::from_jwk(jwk).expect("a key of an RFC"));
    let set = public().into_iter().try_fold(KeySet::new(), KeySet::with).expect("two names");
    let set = set.with(secret()).expect("no name");
    let auth = JwtAuth::new(set).clock(clock);
    let plain = auth.clone().audience("shop");
    let access = Validation::new().issuer("https://a.example").audience("shop").access_token();
    let several =
        Validation::new().issuer("https://b.example").roles_pointer("/realm_access/roles");
    let several = plain.clone().trusted_issuer(secret(), several.any_audience());
    let pairs = [plain.clone(), auth.validation(access), several];
    let pairs = pairs.map(|auth| [auth.clone().cache_capacity(100), auth.cache_capacity(0)]);
    Verifiers { plain, pairs }
});

/// Checks that the bytes make either a token that is rejected, or one whose claims are those of the
/// identity. Returns whether it is valid.
pub(crate) fn check(data: &[u8]) -> bool {
    let raw = verify(data).is_ok();
    let mut lines = data.splitn(2, |byte| *byte == b'\n');
    let (Some(header), Some(payload)) = (lines.next(), lines.next()) else { return raw };
    let encode = |part: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(part);
    let message = format!("{}.{}", encode(header), encode(payload));
    let key = hmac::Key::new(hmac::HMAC_SHA256, &SECRET);
    let mut signature = hmac::sign(&key, message.as_bytes()).as_ref().to_vec();
    let token = format!("{message}.{}", encode(&signature));
    let verified = verify(token.as_bytes());
    if let Ok(identity) = &verified {
        compare(identity, header, payload);
    }
    signature[payload.len() % 32] ^= 1;
    let forged = format!("{message}.{}", encode(&signature));
    assert!(verify(forged.as_bytes()).is_err(), "a wrong signature is accepted");
    verified.is_ok()
}

/// Returns the result of the plain verifier. All pairs verify the token, too, and must agree.
fn verify(token: &[u8]) -> Result<Identity, RejectionReason> {
    for [cached, uncached] in &VERIFIERS.pairs {
        let answers = [cached, cached, uncached].map(|auth| match verify_by(auth, token) {
            Ok(identity) => Ok((identity.principal().clone(), identity.authentication().clone())),
            Err(reason) => Err(reason),
        });
        assert!(answers[0] == answers[1] && answers[1] == answers[2], "{answers:?}");
    }
    verify_by(&VERIFIERS.plain, token)
}

fn verify_by(auth: &Auth, token: &[u8]) -> Result<Identity, RejectionReason> {
    match auth.verify(token).into_ready() {
        Ok(Outcome::Authenticated(identity)) => Ok(identity),
        Ok(Outcome::Rejected(rejection)) => Err(rejection.reason),
        _ => panic!("a token is accepted or rejected"),
    }
}

/// Checks that another JSON reader finds the same in the token.
fn compare(identity: &Identity, header: &[u8], payload: &[u8]) {
    let header: Value = serde_json::from_slice(header).expect("a header is JSON");
    assert_eq!(header["alg"], "HS256");
    for member in ["crit", "b64", "zip", "enc"] {
        assert!(header.get(member).is_none(), "{member}");
    }
    if let Some(typ) = header.get("typ") {
        let typ = typ.as_str().expect("text").to_ascii_lowercase();
        assert!(["jwt", "at+jwt"].contains(&typ.trim_start_matches("application/")), "{typ}");
    }
    assert!(!has_repeated_name(payload), "a claim is repeated");
    let claims: Value = serde_json::from_slice(payload).expect("claims are JSON");
    assert_eq!(claims["sub"], identity.subject());
    assert!(!identity.subject().is_empty());
    let present = |name: &str| claims.get(name).filter(|value| !value.is_null());
    let date = |name: &str| present(name).map(|date| date.as_f64().expect("a number"));
    let exp = date("exp").expect("`exp` is required");
    assert_eq!(exp.trunc(), identity.expires_at().as_secs() as f64);
    assert!(exp.trunc() + 60.0 > NOW as f64, "it has expired");
    for begins in [date("nbf"), date("iat")].into_iter().flatten() {
        assert!(begins.trunc() - 60.0 <= NOW as f64, "it is not valid yet");
    }
    let aud = &claims["aud"];
    assert!(aud == "shop" || aud.as_array().is_some_and(|aud| aud.contains(&"shop".into())));
    for mark in ["nonce", "at_hash", "c_hash", "events", "cnf"] {
        assert!(present(mark).is_none(), "{mark}");
    }
    let listed = match present("roles") {
        Some(Value::String(_)) => 1,
        Some(Value::Array(roles)) if roles.iter().all(Value::is_string) => roles.len(),
        _ => 0,
    };
    assert_eq!(identity.roles().len(), listed);
    assert_eq!(serde_json::to_value(identity.claims()).expect("JSON"), claims);
}

/// Returns whether the outermost object repeats a name.
fn has_repeated_name(json: &[u8]) -> bool {
    struct Names;
    impl<'de> Visitor<'de> for Names {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<String>, A::Error> {
            let mut names = Vec::new();
            while let Some((name, IgnoredAny)) = map.next_entry()? {
                names.push(name);
            }
            Ok(names)
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    let mut names = reader.deserialize_map(Names).expect("an object");
    let count = names.len();
    names.sort();
    names.dedup();
    names.len() < count
}
