//! The public halves of the keys, as a JWK Set (RFC 7517 section 5).
//!
//! [`JwksService`] serves the set to verifiers, and sets how long they may cache it.

use std::future::{Ready, ready};

use http::Request;
use serde::Serialize;
use tower_service::Service;

use super::ring::SigningKeys;
use crate::document::{self, always_ready};
use crate::key::{Jwk, SigningKey};

/// A service that serves the public halves of [`SigningKeys`] as a JWK Set. Route
/// `/.well-known/jwks.json` to it.
///
/// It responds to GET and HEAD, with a `Cache-Control` of half the
/// [lead time](SigningKeys::publish_lead). A secret of HMAC has no public half, so there is no such service
/// for it:
///
/// ```compile_fail
/// auth_jwt::Key::hs256([7; 32]).unwrap().jwks_service();
/// ```
#[derive(Clone, Debug)]
pub struct JwksService(SigningKeys);

impl SigningKeys {
    /// Returns a service that serves the public halves.
    #[must_use]
    pub fn jwks_service(&self) -> JwksService {
        JwksService(self.clone())
    }
}

impl<B> Service<Request<B>> for JwksService {
    always_ready!(Ready);

    fn call(&mut self, request: Request<B>) -> Self::Future {
        const JWK_SET: &str = "application/jwk-set+json";
        let (max_age, set) = (self.0.max_age(), self.0.jwks());
        ready(Ok(document::response(request.method(), JWK_SET, max_age, set)))
    }
}

#[derive(Serialize)]
struct Jwks {
    keys: Vec<Jwk>,
}

/// Returns the public halves of these keys as a JWK Set.
pub(super) fn set<'k>(keys: impl Iterator<Item = &'k SigningKey>) -> String {
    let jwks = Jwks { keys: keys.map(SigningKey::jwk).collect() };
    serde_json::to_string(&jwks).expect("strings serialize to JSON")
}
