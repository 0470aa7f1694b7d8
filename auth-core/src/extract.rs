//! Extractors and responses for axum (feature `axum`).
//!
//! The extractors refuse requests through the same code as the layer.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::auth::Auth;
use crate::backend::SignedIn;
use crate::challenge::Challenge;
use crate::claims::Claims;
use crate::clock::Clock;
use crate::context::AuthContext;
use crate::error::{AuthError, AuthErrorKind, ConfigError};
use crate::identity::Identity;
use crate::metrics;
use crate::refusal::Refusal;
use crate::require::Require;
use crate::token_error::TokenError;

/// Responds with 401 if the request has no identity, and with 500 if there is no layer or it has another
/// claims type.
impl<C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let missing = || Refusal::Unauthenticated(None).into_extractor_response(parts);
        find(parts)?.ok_or_else(missing)
    }
}

/// Responds with 401 if an [explicit](crate::Transport::Explicit) credential was rejected, as
/// `Identity` does.
impl<C: Send + Sync + 'static, S: Sync> OptionalFromRequestParts<S> for Identity<C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Response> {
        find(parts)
    }
}

fn find<C: Send + Sync + 'static>(parts: &Parts) -> Result<Option<Identity<C>>, Response> {
    let found = Identity::of(&parts.extensions)
        .map_err(|refusal| refusal.into_extractor_response(parts))?;
    Ok(found.cloned())
}

/// A requirement that has a type, for the extractor [`Permitted`].
pub trait Requirement {
    /// Returns the requirement. It is called for each request: keep one that is expensive to build in a `static`.
    fn require() -> Require;
}

/// The identity of a request that meets the requirement `R`, which is thus a part of the handler's signature.
///
/// The extractor refuses other requests as [`Require`] does as a layer. It dereferences to the [`Identity`].
///
/// ```
/// use auth_core::{Permitted, Require, Requirement};
///
/// struct Admin;
///
/// impl Requirement for Admin {
///     fn require() -> Require {
///         Require::role("admin")
///     }
/// }
///
/// async fn delete_user(admin: Permitted<Admin>) -> String {
///     format!("deleted by {}", admin.subject())
/// }
/// ```
pub struct Permitted<R, C = Claims> {
    identity: Identity<C>,
    requirement: PhantomData<fn() -> R>,
}

impl<R, C> Deref for Permitted<R, C> {
    type Target = Identity<C>;
    fn deref(&self) -> &Identity<C> {
        &self.identity
    }
}

impl<R, C> fmt::Debug for Permitted<R, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permitted").field(&self.identity).finish()
    }
}

/// Responds as [`Require`] does, and with 500 if there is no layer or it has another claims type.
impl<R: Requirement, C: Send + Sync + 'static, S: Sync> FromRequestParts<S> for Permitted<R, C> {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let enforced = R::require().enforce(&*parts).await;
        enforced.map_err(|refusal| refusal.into_extractor_response(parts))?;
        let identity =
            <Identity<C> as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Self { identity, requirement: PhantomData })
    }
}

impl Refusal {
    /// Returns the response of an extractor: the refusal of the layer. That of a configuration error has a
    /// text that explains the fix.
    pub fn into_extractor_response(self, parts: &Parts) -> Response {
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

/// Responds with 500 and a text that explains the fix.
impl IntoResponse for ConfigError {
    fn into_response(self) -> Response {
        Refusal::Config(self).into_response(None, None, &Clock::system(), &|_, _| {})
    }
}

/// Responds with the status of its kind and a fixed text. The source is logged.
impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        let text = self.to_string();
        let refused = Refusal::Failed(self.log(&Clock::system())).into_response::<Body>(
            None,
            None,
            &Clock::system(),
            &|_, _| {},
        );
        let (parts, _) = refused.into_parts();
        (parts, text).into_response()
    }
}

/// Responds with the status and the code, as OAuth clients expect.
impl IntoResponse for TokenError {
    fn into_response(mut self) -> Response {
        metrics::refused(self.code(), "");
        let source = self.take_source().map(|error| error.log(&Clock::system()));
        let mut response = json(&self).unwrap_or_else(IntoResponse::into_response);
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                Challenge::new("Basic").param("realm", Challenge::DEFAULT_REALM).append_to(headers);
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.extend(source.map(|error| error.headers().clone()).unwrap_or_default());
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}

/// Responds with the token response if there are tokens, and with 204 if not.
impl IntoResponse for SignedIn {
    fn into_response(self) -> Response {
        let Some(tokens) = self.tokens else { return StatusCode::NO_CONTENT.into_response() };
        json(&tokens).unwrap_or_else(IntoResponse::into_response)
    }
}

/// Returns the response of a token endpoint, which no cache keeps (RFC 6749 section 5.1).
fn json(body: &impl Serialize) -> Result<Response, AuthError> {
    let json = serde_json::to_vec(body);
    let json = json.map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))?;
    let json_type = HeaderValue::from_static("application/json");
    let no_store = HeaderValue::from_static("no-store");
    let headers = [(header::CONTENT_TYPE, json_type), (header::CACHE_CONTROL, no_store)];
    Ok((headers, json).into_response())
}
