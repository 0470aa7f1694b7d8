//! [`TokenError`]: the error response of a token endpoint.

use std::error::Error;
use std::fmt;

use http::StatusCode;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::error::{AuthError, AuthErrorKind};

/// Why a token endpoint issues no token, in the form that OAuth clients read (RFC 6749 section 5.2):
/// `{"error":"invalid_grant"}`.
///
/// Return it from a handler that signs in or refreshes for a client with tokens. Every [`AuthError`]
/// converts into it:
///
/// ```
/// use auth_core::{Auth, SignedIn, TokenError};
///
/// async fn token(auth: Auth, refresh_token: Option<String>) -> Result<SignedIn, TokenError> {
///     let missing = || TokenError::new("invalid_request");
///     Ok(auth.refresh().token(refresh_token.ok_or_else(missing)?).await?)
/// }
/// ```
///
/// | error | status | code |
/// |---|---|---|
/// | [`Unauthenticated`](AuthErrorKind::Unauthenticated), [`WrongCredentials`](AuthErrorKind::WrongCredentials) | 400 | `invalid_grant` |
/// | [`InvalidScope`](AuthErrorKind::InvalidScope) | 400 | `invalid_scope` |
/// | [`CrossOrigin`](AuthErrorKind::CrossOrigin), [`LimitReached`](AuthErrorKind::LimitReached), [`Acting`](AuthErrorKind::Acting) | 403 | `access_denied` |
/// | [`TooManyAttempts`](AuthErrorKind::TooManyAttempts) | 429 | `temporarily_unavailable` |
/// | [`Unavailable`](AuthErrorKind::Unavailable) | 503 | `temporarily_unavailable` |
/// | others | that of the error | `server_error` |
///
/// With the feature `axum` it is a response, with `Cache-Control: no-store`. It has no
/// [`Refusal`](crate::Refusal) in its extensions, so that an outer layer that writes the bodies of refusals
/// keeps this one.
#[derive(Debug)]
pub struct TokenError {
    code: &'static str,
    status: StatusCode,
    source: Option<AuthError>,
}

impl TokenError {
    /// Creates an error with this code, such as `invalid_request` or `unsupported_grant_type`. The status is
    /// 400, or 401 for `invalid_client`. The response with 401 has a `Basic` challenge, the scheme by which clients
    /// with a password authenticate (RFC 6749 section 2.3.1).
    #[must_use]
    pub fn new(code: &'static str) -> Self {
        let status = match code {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            _ => StatusCode::BAD_REQUEST,
        };
        Self { code, status, source: None }
    }

    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the HTTP status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Takes the error of which this one was made, so that it can be logged.
    #[cfg(feature = "axum")]
    pub(crate) fn take_source(&mut self) -> Option<AuthError> {
        self.source.take()
    }
}

impl From<AuthError> for TokenError {
    fn from(error: AuthError) -> Self {
        let (status, code) = match error.kind() {
            AuthErrorKind::Unauthenticated | AuthErrorKind::WrongCredentials => {
                (StatusCode::BAD_REQUEST, "invalid_grant")
            }
            AuthErrorKind::InvalidScope => (error.status(), "invalid_scope"),
            AuthErrorKind::CrossOrigin | AuthErrorKind::LimitReached | AuthErrorKind::Acting => {
                (error.status(), "access_denied")
            }
            AuthErrorKind::TooManyAttempts | AuthErrorKind::Unavailable => {
                (error.status(), "temporarily_unavailable")
            }
            AuthErrorKind::TooLarge
            | AuthErrorKind::Config
            | AuthErrorKind::Closed
            | AuthErrorKind::Serialization => (error.status(), "server_error"),
        };
        Self { code, status, source: Some(error) }
    }
}

/// Serializes as the JSON object of the response.
impl Serialize for TokenError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("error", self.code)?;
        map.end()
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no token was issued: {}", self.code)
    }
}

impl Error for TokenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
