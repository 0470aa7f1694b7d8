//! Access tokens in the hands of a client: reading the claims, and forging a token without our key.

use auth_core::SignInId;
use auth_jwt::{Algorithm, Key, SigningKey, SigningKeys};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Returns whether this is a signed token, by its number of dots.
pub(super) fn is_jwt(token: &str) -> bool {
    token.matches('.').count() == 2
}

/// Returns the claims of a token without verifying it.
pub(crate) fn claims(token: &str) -> Map<String, Value> {
    part(token, 1)
}

/// Returns the encoded signature.
pub(super) fn signature(token: &str) -> &str {
    token.rsplit('.').next().unwrap()
}

/// Returns the sign-in that the token names.
pub(super) fn sign_in(token: &str) -> SignInId {
    claims(token)["sid"].as_str().unwrap().parse().unwrap()
}

/// Returns the same claims for this sign-in, signed with another key under the `kid` of ours.
pub(super) fn forged(token: &str, id: SignInId) -> String {
    let header = part(token, 0);
    let mut claims = claims(token);
    claims.insert("sid".to_owned(), json!(id.to_string()));
    match header["alg"].as_str() {
        Some("HS256") => Key::hs256([9; 32]).unwrap().sign("at+jwt", &claims).unwrap(),
        _ => {
            let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
            let key = key.with_kid(header["kid"].as_str().unwrap());
            SigningKeys::new(key).sign("at+jwt", &claims).unwrap()
        }
    }
}

fn part(token: &str, index: usize) -> Map<String, Value> {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
