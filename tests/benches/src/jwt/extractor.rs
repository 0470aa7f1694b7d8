//! The usual way without a layer: jsonwebtoken 11 in an axum extractor.
//!
//! Applications without an authentication crate write this by hand. It checks the same claims as the
//! other cases.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Request, Response, StatusCode, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use tower::service_fn;

use crate::drive::{Body, Case, ok};
use crate::jwt::tokens::{AUDIENCE, ISSUER, TokenClaims, Tokens};

/// A key that is parsed once, and the requirements for a token.
struct Checks {
    key: DecodingKey,
    validation: Validation,
}

struct CurrentUser(TokenClaims);

impl FromRequestParts<Arc<Checks>> for CurrentUser {
    type Rejection = StatusCode;

    async fn from_request_parts(
        parts: &mut Parts,
        checks: &Arc<Checks>,
    ) -> Result<Self, StatusCode> {
        let value = parts.headers.get(header::AUTHORIZATION).ok_or(StatusCode::UNAUTHORIZED)?;
        let value = value.to_str().map_err(|_| StatusCode::BAD_REQUEST)?;
        let token = value.strip_prefix("Bearer ").ok_or(StatusCode::UNAUTHORIZED)?;
        let data = decode(token, &checks.key, &checks.validation);
        data.map(|data| Self(data.claims)).map_err(|_| StatusCode::UNAUTHORIZED)
    }
}

/// The handler reads the subject of the extracted claims.
pub fn extractor(tokens: &Tokens) -> Case {
    let jwk = serde_json::from_value(tokens.issuer.jwk()).unwrap();
    let mut validation = Validation::new(tokens.alg.name().parse::<Algorithm>().unwrap());
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let checks = Checks { key: DecodingKey::from_jwk(&jwk).unwrap(), validation };
    let checks = Arc::new(checks);
    let service = service_fn(move |request| reads_subject(Arc::clone(&checks), request));
    Case::new("extractor", service, "authorization", &tokens.headers())
}

async fn reads_subject(
    checks: Arc<Checks>,
    request: Request<Body>,
) -> Result<Response<Body>, Infallible> {
    let (mut parts, _) = request.into_parts();
    let CurrentUser(claims) = CurrentUser::from_request_parts(&mut parts, &checks).await.unwrap();
    assert!(claims.sub.starts_with("user-"));
    ok()
}
