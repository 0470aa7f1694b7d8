//! The public halves, written down.

use serde::Serialize;

use crate::key::{Jwk, SigningKey};

#[derive(Serialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// The JWK Set of these keys' public halves.
pub(super) fn set<'k>(keys: impl Iterator<Item = &'k SigningKey>) -> String {
    let jwks = Jwks { keys: keys.map(SigningKey::jwk).collect() };
    serde_json::to_string(&jwks).expect("text becomes JSON")
}
