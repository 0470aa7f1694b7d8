//! Extractors for axum. They refuse through the same code as the layer.

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::context::AuthContext;
use crate::error::{AuthError, AuthErrorKind, ConfigError};
use crate::handle::Auth;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::signed_in::SignedIn;

/// Nobody: 401. No layer, or other claims: 500.
impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let nobody = || Refusal::Unauthenticated(None).extracting(parts);
        find(parts)?.ok_or_else(nobody)
    }
}

/// A rejected `Authorization` header: 401, as for `Identity`.
impl<C: Send + Sync + 'static, S: Sync> OptionalFromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        find(parts)
    }
}

fn find<C: Send + Sync + 'static>(parts: &Parts) -> Result<Option<Identity<C>>, Response> {
    let found = Identity::of(&parts.extensions).map_err(|refusal| refusal.extracting(parts))?;
    Ok(found.cloned())
}

impl Refusal {
    /// What an extractor answers: the refusal that the layer itself would give; a mistake of the
    /// program says in its body what to do about it.
    pub fn extracting(self, parts: &Parts) -> Response {
        match (self, AuthContext::of(&parts.extensions, "an extractor")) {
            (Self::Config(error), _) | (_, Err(error)) => error.into_response(),
            (refusal, Ok(context)) => context.refuse(&parts.headers, refusal),
        }
    }
}

impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Auth<C> {
    type Rejection = ConfigError;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ConfigError> {
        Self::of(parts)
    }
}

/// 500, and what to do about it: the developer is the one who sees it.
impl IntoResponse for ConfigError {
    fn into_response(self) -> Response {
        let (parts, _) = Refusal::Config(self).into_response::<Body>(None, &|_, _| {}).into_parts();
        (parts, self.to_string()).into_response()
    }
}

/// The status of its kind, with a fixed text; the source becomes an event.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let (text, challenges) = (self.to_string(), self.challenges().clone());
        let refused = Refusal::Failed(self.tell()).into_response::<Body>(None, &|_, _| {});
        let (parts, _) = refused.into_parts();
        (parts, challenges, text).into_response()
    }
}

/// The token response if there are tokens, otherwise 204.
impl IntoResponse for SignedIn {
    fn into_response(self) -> Response {
        let Some(tokens) = self.tokens else { return StatusCode::NO_CONTENT.into_response() };
        match serde_json::to_vec(&tokens) {
            Ok(json) => {
                let json_type = HeaderValue::from_static("application/json");
                let no_store = HeaderValue::from_static("no-store");
                let headers =
                    [(header::CONTENT_TYPE, json_type), (header::CACHE_CONTROL, no_store)];
                (headers, json).into_response()
            }
            Err(error) => AuthError::new(AuthErrorKind::Serialization, error).into_response(),
        }
    }
}
