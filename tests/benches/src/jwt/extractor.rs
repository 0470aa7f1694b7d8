//! The usual way without a layer: jsonwebtoken 11 in an axum extractor.
//!
//! Applications without an authentication crate write this by hand. It checks the same claims as the
//! other cases.

use std::fmt::Debug;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Request, StatusCode, header};
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
    extracting("extractor", tokens, Arc::new(checks), |CurrentUser(claims)| claims)
}

/// Returns a case whose handler has an extractor, and reads the subject of its claims.
pub(super) fn extracting<E, S>(
    name: &'static str,
    tokens: &Tokens,
    state: S,
    claims: fn(E) -> TokenClaims,
) -> Case
where
    E: FromRequestParts<S, Rejection: Debug> + 'static,
    S: Clone + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Body>| {
        let state = state.clone();
        async move {
            let (mut parts, _) = request.into_parts();
            let extracted = E::from_request_parts(&mut parts, &state).await.unwrap();
            assert!(claims(extracted).sub.starts_with("user-"));
            ok()
        }
    });
    Case::new(name, service, "authorization", &tokens.headers())
}
