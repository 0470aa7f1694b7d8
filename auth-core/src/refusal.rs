//! [`Refusal`]: why a request was refused, and its response.
//!
//! The layer, `Require` and the extractors all answer through this file, so that status, challenges,
//! gRPC form and log event are the same everywhere.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::clock::Clock;
use crate::cross_origin::CrossOriginError;
use crate::error::{AuthError, AuthErrorKind, BoxError, ConfigError};
use crate::metrics;
use crate::rejection::{ChallengeReason, Rejection};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Why a request was refused.
///
/// Every response that refuses a request has one in its extensions, as an `Arc<Refusal>`, for logs and
/// for an outer layer that writes a body, such as problem details (RFC 9457). The client never sees it.
///
/// ```
/// use std::sync::Arc;
/// use auth_core::Refusal;
/// use axum::{Json, response::{IntoResponse, Response}};
/// use serde_json::json;
///
/// /// For `axum::middleware::map_response`, outside of the authentication layer.
/// async fn problem_details(response: Response) -> Response {
///     if response.extensions().get::<Arc<Refusal>>().is_none() {
///         return response;
///     }
///     let status = response.status();
///     let body = Json(json!({ "title": status.canonical_reason(), "status": status.as_u16() }));
///     let (parts, _) = response.into_parts();
///     let mut response = (parts, body).into_response();
///     let problem = http::HeaderValue::from_static("application/problem+json");
///     response.headers_mut().insert(http::header::CONTENT_TYPE, problem);
///     response
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// The request carries no credential, or its credential was rejected: 401.
    Unauthenticated(Option<Rejection>),
    /// The user does not meet a requirement: 403.
    Forbidden,
    /// The client lacks these scopes: 403.
    InsufficientScope(Box<str>),
    /// The authentication is too old or too weak: 401 (RFC 9470), or 403 if no backend has a challenge for it.
    StepUp {
        /// The accepted authentication context classes. Empty if every class is accepted.
        acr: Box<[Box<str>]>,
        /// The maximum age of the authentication.
        max_age: Option<Duration>,
    },
    /// Another site made the browser send a request with its cookie: 403.
    CrossOrigin(CrossOriginError),
    /// The store or key source did not answer: 503.
    Unavailable(BoxError),
    /// An operation failed: the status of its kind.
    Failed(AuthError),
    /// The program is not configured correctly: 500.
    Config(ConfigError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthenticated(None) => f.write_str("the request carries no credential"),
            Self::Unauthenticated(Some(rejection)) => rejection.fmt(f),
            Self::Forbidden => f.write_str("the user does not meet a requirement"),
            Self::InsufficientScope(scope) => write!(f, "the client lacks the scope {scope}"),
            Self::StepUp { .. } => f.write_str("the authentication is too old or too weak"),
            Self::CrossOrigin(error) => error.fmt(f),
            Self::Unavailable(error) => write!(f, "authentication is unavailable: {error}"),
            Self::Failed(error) => error.fmt(f),
            Self::Config(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        match error.kind() {
            AuthErrorKind::Unauthenticated => Self::Unauthenticated(error.rejection().copied()),
            _ => Self::Failed(error.log(&Clock::system())),
        }
    }
}

/// Appends the challenges of every scheme that the client could use.
pub(crate) type Challenger<'a> = &'a dyn Fn(&ChallengeReason<'_>, &mut HeaderMap);

impl Refusal {
    /// Returns the HTTP status and the gRPC status.
    fn status(&self) -> (StatusCode, u16) {
        match self {
            Self::Unauthenticated(_) | Self::StepUp { .. } => (StatusCode::UNAUTHORIZED, 16),
            Self::Forbidden | Self::InsufficientScope(_) | Self::CrossOrigin(_) => {
                (StatusCode::FORBIDDEN, 7)
            }
            Self::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, 14),
            Self::Failed(error) => match error.kind() {
                AuthErrorKind::Unavailable => (error.status(), 14),
                AuthErrorKind::CrossOrigin
                | AuthErrorKind::LimitReached
                | AuthErrorKind::Acting => (error.status(), 7),
                AuthErrorKind::InvalidScope => (error.status(), 3),
                AuthErrorKind::WrongCredentials => (error.status(), 16),
                AuthErrorKind::TooManyAttempts => (error.status(), 8),
                _ => (error.status(), 13),
            },
            Self::Config(_) => (StatusCode::INTERNAL_SERVER_ERROR, 13),
        }
    }

    fn reason(&self) -> Option<ChallengeReason<'_>> {
        match self {
            Self::Unauthenticated(None) => Some(ChallengeReason::MissingCredential),
            Self::Unauthenticated(Some(rejection)) => {
                Some(ChallengeReason::InvalidCredential(rejection))
            }
            Self::InsufficientScope(scope) => Some(ChallengeReason::InsufficientScope(scope)),
            Self::StepUp { acr, max_age } => {
                Some(ChallengeReason::StepUp { acr, max_age: *max_age })
            }
            Self::Failed(error) if error.kind() == AuthErrorKind::WrongCredentials => {
                Some(ChallengeReason::MissingCredential)
            }
            _ => None,
        }
    }

    /// Returns the reason in a word or two, as metrics and traces show it.
    fn label(&self) -> &'static str {
        match self {
            Self::Unauthenticated(None) => "no credential",
            Self::Unauthenticated(Some(rejection)) => rejection.reason.as_str(),
            Self::Forbidden => "forbidden",
            Self::InsufficientScope(_) => "insufficient scope",
            Self::StepUp { .. } => "step-up",
            Self::CrossOrigin(_) => "cross-origin",
            Self::Unavailable(_) => "unavailable",
            Self::Failed(error) => error.kind().as_str(),
            Self::Config(_) => "configuration",
        }
    }

    /// Builds the response, and logs and counts the refusal, which happens nowhere else. `backend` is the scheme
    /// of the request's identity, if it has one. If `grpc` holds the
    /// content type of a gRPC request, the response also has a `grpc-status`. The body is empty, except for
    /// a configuration error with axum: its text explains the fix, because the developer sees it.
    ///
    /// The HTTP status never depends on the content type, which the client chooses: a proxy that asks
    /// this server whether a request may pass reads only the HTTP status. gRPC clients read the
    /// `grpc-status` whatever the HTTP status is, and those that do not map the HTTP status to the
    /// same code.
    pub(crate) fn into_response<B: Default + 'static>(
        self,
        grpc: Option<HeaderValue>,
        backend: Option<&'static str>,
        clock: &Clock,
        challenger: Challenger<'_>,
    ) -> Response<B> {
        self.log(clock);
        let scheme = match &self {
            Self::Unauthenticated(Some(rejection)) => rejection.scheme,
            _ => backend.unwrap_or_default(),
        };
        metrics::refused(self.label(), scheme);
        // An attribute of OpenTelemetry's semantic conventions, if the application's span has it.
        tracing::Span::current().record("error.type", self.label());
        let (mut status, mut grpc_status) = self.status();
        let mut response = Response::new(B::default());
        if let Self::Config(error) = &self {
            explain(error, &mut response);
        }
        let headers = response.headers_mut();
        if let Some(reason) = self.reason() {
            challenger(&reason, headers);
            let offered = headers.contains_key(header::WWW_AUTHENTICATE);
            if matches!(self, Self::StepUp { .. }) && !offered {
                (status, grpc_status) = (StatusCode::FORBIDDEN, 7); // no scheme of this layer supports a step-up
            }
        }
        if let Self::Failed(error) = &self {
            headers.extend(error.headers().clone());
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(content_type) = grpc {
            headers.insert(header::CONTENT_TYPE, content_type);
            headers.insert(GRPC_STATUS, HeaderValue::from(grpc_status));
        }
        *response.status_mut() = status;
        response.extensions_mut().insert(Arc::new(self));
        response
    }

    fn log(&self, clock: &Clock) {
        match self {
            Self::Unauthenticated(None) => tracing::debug!("request refused: no credential"),
            Self::Unauthenticated(Some(rejection)) => {
                let Rejection { scheme, reason } = rejection;
                tracing::info!(scheme, %reason, "request refused: credential rejected");
            }
            Self::Forbidden => tracing::info!("request refused: forbidden"),
            Self::InsufficientScope(scope) => {
                tracing::info!(scope, "request refused: insufficient scope");
            }
            Self::StepUp { acr, max_age } => {
                tracing::info!(?acr, ?max_age, "request refused: step-up needed");
            }
            Self::CrossOrigin(CrossOriginError { origin, path }) => {
                tracing::warn!(origin, path, "request refused: cross-origin");
            }
            Self::Unavailable(error) => {
                if let Some(suppressed) = clock.admit_event("request unavailable") {
                    let error = &**error as &dyn std::error::Error;
                    tracing::error!(error, suppressed, "request refused: unavailable");
                }
            }
            Self::Failed(_) => {} // was logged when it failed
            Self::Config(error) => tracing::error!(%error, "request refused: configuration error"),
        }
    }
}

/// Writes the text of a configuration error into the body, if the body is that of axum.
#[cfg(feature = "axum")]
fn explain<B: 'static>(error: &ConfigError, response: &mut Response<B>) {
    let body: &mut dyn std::any::Any = response.body_mut();
    if let Some(body) = body.downcast_mut::<axum_core::body::Body>() {
        *body = error.to_string().into();
        let text = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, text);
    }
}

#[cfg(not(feature = "axum"))]
fn explain<B>(_: &ConfigError, _: &mut Response<B>) {}

/// Returns the content type if it is one of gRPC, whose clients expect a `grpc-status`.
pub(crate) fn grpc(headers: &HeaderMap) -> Option<HeaderValue> {
    let content_type = headers.get(header::CONTENT_TYPE)?;
    content_type.as_bytes().starts_with(b"application/grpc").then(|| content_type.clone())
}
