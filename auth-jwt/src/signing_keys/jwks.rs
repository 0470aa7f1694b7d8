//! The public halves of the keys, as a JWK Set (RFC 7517 section 5).
//!
//! [`JwksService`] serves the set to verifiers, and sets how long they may cache it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde::Serialize;
use tower_service::Service;

use super::ring::SigningKeys;
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

impl JwksService {
    fn response(&self, method: &Method) -> Response<String> {
        let mut response = Response::new(String::new());
        let headers = response.headers_mut();
        if !matches!(*method, Method::GET | Method::HEAD) {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return response;
        }
        let jwk_set = HeaderValue::from_static("application/jwk-set+json");
        headers.insert(header::CONTENT_TYPE, jwk_set);
        let max_age = format!("public, max-age={}", self.0.max_age().as_secs());
        if let Ok(value) = HeaderValue::try_from(max_age) {
            headers.insert(header::CACHE_CONTROL, value);
        }
        let set = self.0.jwks();
        headers.insert(header::CONTENT_LENGTH, set.len().into());
        if method == Method::GET {
            *response.body_mut() = set;
        }
        response
    }
}

impl<B> Service<Request<B>> for JwksService {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.response(request.method())))
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
