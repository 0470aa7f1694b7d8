//! The signature alone: aws-lc-rs 1 with a parsed key and decoded bytes.
//!
//! There is no request, no base64 and no JSON. No verifier that uses this library can be faster.

use std::sync::Arc;

use aws_lc_rs::{hmac, signature::ParsedPublicKey};

use crate::drive::Case;
use crate::jwt::issuer::Issuer;
use crate::jwt::tokens::Tokens;

enum Key {
    Public(ParsedPublicKey),
    Secret(Box<hmac::Key>),
}

/// Verifies the signature of each token in turn, in the same order as the requests.
pub fn raw(tokens: &Tokens) -> Case {
    let key = match tokens.issuer {
        Issuer::Hmac(_) => Key::Secret(Box::new(tokens.issuer.hmac())),
        _ => Key::Public(tokens.issuer.parsed()),
    };
    let signed: Vec<_> = tokens.signed().collect();
    let (shared, mut at) = (Arc::new((key, signed)), 0);
    Case::function("raw check", move || {
        let (key, signed) = &*shared;
        at = (at + 7919) % signed.len();
        let (message, signature) = &signed[at];
        match key {
            Key::Public(key) => key.verify_sig(message, signature).unwrap(),
            Key::Secret(key) => hmac::verify(key, message, signature).unwrap(),
        }
    })
}
