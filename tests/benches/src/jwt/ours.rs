//! The cases of `JwtAuth`, with the same checks as its peers.
//!
//! One case verifies every token in full, and one finds every token in the cache.

use std::convert::Infallible;

use auth_core::Identity;
use auth_jwt::{HmacKey, JwtAuth, Key};
use http::{Request, Response};
use tower::{Layer, service_fn};

use crate::drive::{Body, Case, ok};
use crate::jwt::issuer::Alg;
use crate::jwt::tokens::{AUDIENCE, ISSUER, Tokens};
use crate::ours::User;

fn auth(tokens: &Tokens) -> JwtAuth<User> {
    let jwk = tokens.issuer.jwk().to_string();
    let key = match tokens.alg {
        Alg::Hs256 => HmacKey::from_jwk(&jwk).unwrap().into(),
        _ => Key::from_jwk(&jwk).unwrap(),
    };
    JwtAuth::new(key).issuer(ISSUER).audience(AUDIENCE).claims::<User>()
}

/// Every token is verified in full: the cache is off.
pub fn miss(tokens: &Tokens) -> Case {
    case("ours", auth(tokens).cache_capacity(0), tokens)
}

/// Every token is in the cache. For HS256, the signature is verified each time nevertheless.
pub fn hit(tokens: &Tokens) -> Case {
    case("ours: a hit", auth(tokens), tokens)
}

pub(super) fn case(name: &'static str, auth: JwtAuth<User>, tokens: &Tokens) -> Case {
    Case::new(name, auth.layer(service_fn(reads_subject)), "authorization", &tokens.headers())
}

/// A handler that reads the subject.
pub(super) async fn reads_subject(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let identity = Identity::<User>::of(request.extensions()).unwrap().unwrap();
    assert!(identity.subject().starts_with("user-"));
    ok()
}
