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
use crate::refusal::Refusal;
use crate::sign_ins::SignedIn;

/// Nobody: 401. No layer, or other claims: 500.
impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let exchange = exchange::<C>(parts)?;
        match find(exchange, parts)? {
            Some(identity) => Ok(identity),
            None => Err(exchange.refuse(&parts.headers, Refusal::Unauthenticated(None))),
        }
    }
}

/// A rejected `Authorization` header: 401, as for `Identity`.
impl<C: Send + Sync + 'static, S: Sync> OptionalFromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        find(exchange::<C>(parts)?, parts)
    }
}

fn exchange<C: 'static>(parts: &Parts) -> Result<&Exchange, Response> {
    Exchange::of(&parts.extensions, type_name::<Identity<C>>()).map_err(Misuse::into_response)
}

fn find<C>(exchange: &Exchange, parts: &Parts) -> Result<Option<Identity<C>>, Response>
where
    C: Send + Sync + 'static,
{
    let typed = exchange.typed::<C>().map_err(Misuse::into_response)?;
    match typed.rejection() {
        Some(rejection) => {
            let refusal = Refusal::Unauthenticated(Some(*rejection));
            Err(exchange.refuse(&parts.headers, refusal))
        }
        None => Ok(typed.identity().cloned()),
    }
}

impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Auth<C> {
    type Rejection = Misuse;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Misuse> {
        Self::of(parts)
    }
}

/// 500, and what to do about it: the developer is the one who sees it.
impl IntoResponse for Misuse {
    fn into_response(self) -> Response {
        let (parts, _) = Refusal::Misuse(self).into_response::<Body>(None, &|_, _| {}).into_parts();
        (parts, self.to_string()).into_response()
    }
}

/// The status of its kind, with a fixed text; the source becomes an event.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let (text, challenges) = (self.to_string(), self.challenges().clone());
        let refused = Refusal::from(self)
            .into_response::<Body>(None, &|_, headers| headers.extend(challenges.clone()));
        let (parts, _) = refused.into_parts();
        (parts, text).into_response()
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
