//! The extractor for axum.

use auth_core::{Exchange, Misuse, Refusal};
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use super::handle::Session;

/// Refuses through the same code as the layer: see [`Session::of`].
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        Self::of(&parts.extensions).map_err(|refusal| match (refusal, exchange(parts)) {
            (Refusal::Misuse(misuse), _) | (_, Err(misuse)) => misuse.into_response(),
            (refusal, Ok(exchange)) => exchange.refuse(&parts.headers, refusal),
        })
    }
}

fn exchange(parts: &Parts) -> Result<&Exchange, Misuse> {
    Exchange::of(&parts.extensions, "Session")
}
