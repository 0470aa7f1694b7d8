//! The extractor for axum.

use axum_core::extract::FromRequestParts;
use axum_core::response::Response;
use http::request::Parts;

use super::handle::Session;

/// Refuses through the same code as the layer: see [`Session::of`].
impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        Self::of(&parts.extensions).map_err(|refusal| refusal.into_extractor_response(parts))
    }
}
