//! Extractors for axum. They refuse through the same code as the layer.

use std::any::type_name;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};

use crate::error::{AuthError, AuthErrorKind, Misuse};
use crate::exchange::{Erased, Exchange};
use crate::handle::Auth;
use crate::identity::Identity;
use crate::refusal::{self, Refusal};
use crate::sign_ins::SignedIn;

/// Nobody: 401. No layer, or other claims: 500.
impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await? {
            Some(identity) => Ok(identity),
            None => Err(refuse::<Self>(parts, Refusal::Unauthenticated(None))),
        }
    }
}

/// A rejected `Authorization` header: 401, as for `Identity`.
impl<C: Send + Sync + 'static, S: Sync> OptionalFromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        let exchange = Exchange::of(&parts.extensions, type_name::<Self>());
        let typed = exchange.and_then(Exchange::typed::<C>).map_err(IntoResponse::into_response)?;
        match (typed.identity(), typed.rejection()) {
            (None, Some(rejection)) => {
                Err(refuse::<Self>(parts, Refusal::Unauthenticated(Some(*rejection))))
            }
            (identity, _) => Ok(identity.cloned()),
        }
    }
}

impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Auth<C> {
    type Rejection = Misuse;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Misuse> {
        Self::of(parts)
    }
}

fn refuse<T>(parts: &Parts, refusal: Refusal) -> Response {
    let exchange = Exchange::of(&parts.extensions, type_name::<T>());
    refusal.into_response::<Body>(refusal::grpc(&parts.headers), &|demand, headers| {
        if let Ok(exchange) = exchange {
            exchange.erased().challenge(demand, headers);
        }
    })
}

/// 500, and what to do about it: the developer is the one who sees it.
impl IntoResponse for Misuse {
    fn into_response(self) -> Response {
        let (parts, _) =
            Refusal::Misuse(self).into_response::<Body>(None, &|_, _| {}).into_parts();
        (parts, self.to_string()).into_response()
    }
}

/// The status of its kind, with a fixed text; the source becomes an event.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let status = match self.kind() {
            AuthErrorKind::Unavailable => {
                return Refusal::Unavailable(self.into()).into_response(None, &|_, _| {});
            }
            AuthErrorKind::CrossSite => {
                return Refusal::CrossSite.into_response(None, &|_, _| {});
            }
            AuthErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            AuthErrorKind::LimitReached => StatusCode::FORBIDDEN,
            AuthErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            AuthErrorKind::Misuse | AuthErrorKind::Data => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let source = std::error::Error::source(&self);
        tracing::info!(%status, source, "{self}");
        (status, self.challenges().clone(), self.to_string()).into_response()
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
            Err(error) => AuthError::new(AuthErrorKind::Data, error).into_response(),
        }
    }
}
