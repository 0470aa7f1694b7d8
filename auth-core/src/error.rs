//! Errors: mistakes in the program's configuration, and failures of an operation at run time.
//!
//! [`ConfigError`] is an enum whose texts say how to fix the mistake. [`AuthError`] is opaque: its
//! kind decides the response, and its source is logged but never sent.

use std::any::type_name;
use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::claims::Claims;
use crate::clock::Clock;
use crate::rejection::Rejection;

/// A boxed error, used as a source.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A mistake in the program's configuration. The response is 500, and the text says how to fix it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The request did not pass through an authentication layer.
    NoLayer {
        /// The type that needs the layer.
        wanted: &'static str,
    },
    /// The layer authenticates a different claims type.
    WrongClaims {
        /// The claims type that the handler requests.
        wanted: &'static str,
        /// The claims type of the layer.
        layer: &'static str,
    },
    /// No backend of the layer stores sign-ins.
    NoSignIns,
    /// No backend of the layer supports the requested transport.
    UnsupportedTransport,
    /// The backend has no sign-ins that are [pending](crate::SignIn::pending): it does not implement
    /// [`SignInBackend::supports_pending`](crate::SignInBackend::supports_pending).
    NoPendingSignIns,
    /// No backend of the layer that stores sign-ins has this name; see
    /// [`SignIn::backend`](crate::SignIn::backend).
    UnknownBackend(&'static str),
    /// The backend of the request's sign-in does not let a user act for another
    /// ([`SignInBackend::supports_acting`](crate::SignInBackend::supports_acting)), or the call of
    /// [`Auth::act_as`](crate::Auth::act_as) has options that do not apply to it.
    NoActing,
    /// The backend that found the credential stores no session data.
    NoSession,
    /// Two backends of one [`any_of`](crate::any_of) verify the JSON Web Tokens of one issuer, or the first
    /// one verifies those of any issuer. The second one would never be called.
    HiddenTokens,
    /// [`Auth::refresh`](crate::Auth::refresh) or [`Auth::reauthenticate`](crate::Auth::reauthenticate) was
    /// called for a sign-in that this request has started.
    RefreshAfterSignIn,
    /// The backend does not implement
    /// [`SignInBackend::reauthenticate`](crate::SignInBackend::reauthenticate).
    NoReauthentication,
    /// [`Require::check`](crate::Require::check) was called for a requirement with
    /// `Require::revalidated()`, but the identity was not revalidated.
    NotRevalidated,
    /// [`Require::check`](crate::Require::check) was called for a requirement with
    /// [`Require::async_predicate`](crate::Require::async_predicate), which it cannot await.
    AsyncRequirement,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLayer { wanted } => write!(
                f,
                "`{wanted}` needs an authentication layer, but this request passed through none: add \
                 `.layer(SessionAuth::new(store))` (or another backend) after the route"
            ),
            Self::WrongClaims { wanted, layer } => write!(
                f,
                "the handler requests claims `{wanted}`, but the layer on this route authenticates \
                 `{layer}`: {}",
                right_claims(wanted, layer)
            ),
            Self::NoSignIns => f.write_str(
                "this needs a backend that stores sign-ins, but the layer on this route only \
                 verifies credentials: add SessionAuth, or JwtAuth with `.sign_in(store)`",
            ),
            Self::UnsupportedTransport => f.write_str(
                "no backend of this layer supports the requested transport: for `.as_tokens()` call \
                 `.accept_bearer()` on SessionAuth or add JwtAuth, for `.as_cookie()` add SessionAuth",
            ),
            Self::NoPendingSignIns => f.write_str(
                "the backend of this sign-in would issue a credential that is valid before the second factor: \
                 verify the second factor first and remove the call of `.pending()`, or implement \
                 `SignInBackend::supports_pending` for the backend",
            ),
            Self::NoActing => f.write_str(
                "`act_as` keeps the backend, and authenticates no user: remove `.backend(..)`, `.pending()`, the transport, \
                 the time and the session of a login, or implement `SignInBackend::supports_acting` for the backend",
            ),
            Self::UnknownBackend(name) => write!(
                f,
                "no backend of this layer that stores sign-ins has the name `{name}`: add it to `any_of`, or \
                 correct the call of `.backend(..)`"
            ),
            Self::HiddenTokens => f.write_str(
                "two backends of `any_of` verify JSON Web Tokens of the same issuers, so the second one would \
                 never be asked: call `.issuer(..)` on each JwtAuth with a different name, or use \
                 `.trusted_issuer(..)` on one",
            ),
            Self::RefreshAfterSignIn => f.write_str(
                "this request has signed in, and its response carries a new credential: there is nothing to \
                 refresh, so remove the call of `auth.refresh()` or `auth.reauthenticate()`",
            ),
            Self::NoReauthentication => f.write_str(
                "the backend of this request cannot authenticate a user again: implement \
                 `SignInBackend::reauthenticate` for it, or call `auth.sign_in(..)`",
            ),
            Self::NotRevalidated => f.write_str(
                "`Require::revalidated()` has to read from the store, which `check` cannot await: apply the \
                 requirement as a layer, call `enforce`, or call `auth.revalidate().await` first",
            ),
            Self::AsyncRequirement => f.write_str(
                "`Require::async_predicate(..)` has to be awaited, which `check` cannot do: apply the requirement \
                 as a layer, or call `enforce` instead of `check`",
            ),
            Self::NoSession => f.write_str(
                "`Session` needs a credential that belongs to a stored sign-in: add SessionAuth, \
                 or JwtAuth with `.sign_in(store)`",
            ),
        }
    }
}

/// Returns how to make the claims of the handler and those of the layer the same. Default claims are more likely
/// forgotten than meant.
fn right_claims(wanted: &str, layer: &str) -> String {
    let default = type_name::<Claims>();
    let handler = format!("write `Identity<{layer}>` or `Auth<{layer}>` in the handler");
    let backend = format!("call `.claims::<{wanted}>()` on the backend");
    match (wanted == default, layer == default) {
        (true, _) => handler,
        (_, true) => backend,
        _ => format!("{handler}, or {backend}"),
    }
}

impl Error for ConfigError {}

/// The kind of an [`AuthError`]. It decides the status of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// The store did not answer: 503. Changes that were acknowledged before are kept.
    Unavailable,
    /// The request comes from another site: 403.
    CrossOrigin,
    /// The request is not signed in, or the credential to refresh is invalid: 401.
    Unauthenticated,
    /// The user does not exist or the password is wrong, as the application
    /// [states](crate::Auth::wrong_credentials): 401.
    WrongCredentials,
    /// The request is for more scopes than the sign-in has: 400.
    InvalidScope,
    /// The user has reached the limit of concurrent sign-ins, which rejects new ones: 403.
    LimitReached,
    /// The operation is not allowed while the request acts for another user, or is allowed only then: 403. See
    /// [`Auth::act_as`](crate::Auth::act_as).
    Acting,
    /// There were too many attempts, such as wrong passwords: 429 with `Retry-After`. See
    /// [`AuthError::too_many_attempts`].
    TooManyAttempts,
    /// The data of the sign-in exceeds the size limit: 413.
    TooLarge,
    /// The authentication layer is not configured for the operation: 500.
    Config,
    /// The response has been sent or never will be, so the change would be lost: 500.
    Closed,
    /// The application's data cannot be encoded or decoded: 500.
    Serialization,
}

impl AuthErrorKind {
    /// Returns the kind in a word or two, as metrics show it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::CrossOrigin => "cross-origin",
            Self::Unauthenticated => "unauthenticated",
            Self::WrongCredentials => "wrong credentials",
            Self::InvalidScope => "invalid scope",
            Self::LimitReached => "limit reached",
            Self::Acting => "acting",
            Self::TooManyAttempts => "too many attempts",
            Self::TooLarge => "too large",
            Self::Config => "configuration",
            Self::Closed => "closed",
            Self::Serialization => "serialization",
        }
    }
}

/// Why a sign-in, refresh, sign-out or listing failed.
///
/// It is an axum response with the status of its [`kind`](Self::kind). Its text is safe to send;
/// the details are in its `source()`.
#[derive(Debug)]
pub struct AuthError {
    kind: AuthErrorKind,
    source: BoxError,
    headers: HeaderMap,
    logged: bool,
}

impl AuthError {
    /// Creates an error of this kind with this source.
    pub fn new(kind: AuthErrorKind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: source.into(), headers: HeaderMap::new(), logged: false }
    }

    /// Creates the error for a client that has to wait this long before its next attempt. The response says so in the
    /// header `Retry-After`, in whole seconds.
    #[must_use]
    pub fn too_many_attempts(wait: Duration) -> Self {
        let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        let mut error = Self::new(AuthErrorKind::TooManyAttempts, format!("wait for {seconds} s"));
        error.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        error
    }

    /// Logs the error, unless it was logged before. While the store is down, logs only some.
    pub(crate) fn log(self, clock: &Clock) -> Self {
        if !self.logged {
            let source = Some(&*self.source as &(dyn Error + 'static));
            match self.kind {
                AuthErrorKind::Unavailable => {
                    if let Some(suppressed) = clock.admit_event("operation unavailable") {
                        tracing::error!(source, suppressed, "{self}");
                    }
                }
                AuthErrorKind::CrossOrigin => {
                    tracing::warn!(source, "cross-origin request refused");
                }
                _ => tracing::info!(source, "{self}"),
            }
        }
        Self { logged: true, ..self }
    }

    /// Returns the HTTP status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            AuthErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            AuthErrorKind::CrossOrigin | AuthErrorKind::LimitReached | AuthErrorKind::Acting => {
                StatusCode::FORBIDDEN
            }
            AuthErrorKind::Unauthenticated | AuthErrorKind::WrongCredentials => {
                StatusCode::UNAUTHORIZED
            }
            AuthErrorKind::InvalidScope => StatusCode::BAD_REQUEST,
            AuthErrorKind::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
            AuthErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            AuthErrorKind::Config | AuthErrorKind::Closed | AuthErrorKind::Serialization => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Sets the `WWW-Authenticate` headers that a 401 must carry.
    pub(crate) fn with_challenges(self, challenges: HeaderMap) -> Self {
        Self { headers: challenges, ..self }
    }

    /// Returns the headers that the response has to carry: `WWW-Authenticate` of a 401, and `Retry-After` of a 429.
    /// There are none for other kinds: a response of your own with 503 needs a `Retry-After` as well.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the rejection of the request's own credential, if that is the source.
    pub(crate) fn rejection(&self) -> Option<&Rejection> {
        self.source.downcast_ref()
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> AuthErrorKind {
        self.kind
    }
}

impl From<ConfigError> for AuthError {
    fn from(error: ConfigError) -> Self {
        Self::new(AuthErrorKind::Config, error)
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            AuthErrorKind::Unavailable => "sign-ins are temporarily unavailable",
            AuthErrorKind::CrossOrigin => "the request comes from another site",
            AuthErrorKind::Unauthenticated => "the request carries no valid credential",
            AuthErrorKind::WrongCredentials => "wrong credentials",
            AuthErrorKind::InvalidScope => "the request asks for more scopes than the sign-in has",
            AuthErrorKind::LimitReached => "the limit of concurrent sign-ins is reached",
            AuthErrorKind::Acting => {
                "the operation is not allowed while acting for another user, or only then"
            }
            AuthErrorKind::TooManyAttempts => "too many attempts: try again later",
            AuthErrorKind::TooLarge => "the data of the sign-in is too large",
            AuthErrorKind::Config => {
                "the authentication layer is not configured for this operation"
            }
            AuthErrorKind::Closed => "the response has been sent, so the change cannot be saved",
            AuthErrorKind::Serialization => "the data of the sign-in cannot be encoded or decoded",
        })
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
