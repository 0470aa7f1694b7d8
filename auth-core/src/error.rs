//! What goes wrong: mistakes of the program, and failures of an operation.

use std::error::Error;
use std::fmt;

use http::{HeaderMap, StatusCode};

use crate::rejection::Rejection;

/// Any error, as a source.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A mistake of the program, not of the client: answered with 500, and a text that says what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// No authentication layer has seen the request.
    NoLayer {
        /// What was asked for.
        wanted: &'static str,
    },
    /// The layer authenticates another claims type.
    WrongClaims {
        /// The claims type that was asked for.
        wanted: &'static str,
        /// The claims type of the layer.
        layer: &'static str,
    },
    /// No backend of the layer keeps sign-ins.
    NoSignIns,
    /// No backend of the layer signs in by the carrier that was asked for.
    UnsupportedTransport,
    /// The backend that decided keeps no session data for this credential.
    NoSession,
    /// A requirement asks for a confirmed identity, and nobody has asked the store.
    NotRevalidated,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLayer { wanted } => write!(
                f,
                "`{wanted}` needs an authentication layer, and none has seen this request: add \
                 `.layer(SessionAuth::new(store))` (or another backend) after the route"
            ),
            Self::WrongClaims { wanted, layer } => write!(
                f,
                "the handler asks for claims `{wanted}`, but the layer on this route authenticates \
                 `{layer}`: call `.claims::<{wanted}>()` on the backend"
            ),
            Self::NoSignIns => f.write_str(
                "this needs a backend that keeps sign-ins, and the layer on this route only \
                 verifies: take SessionAuth, or JwtAuth with `.sign_in(store)`",
            ),
            Self::UnsupportedTransport => f.write_str(
                "no backend of this layer signs in by that transport: for `Transport::Explicit` call \
                 `.bearer()` on SessionAuth, or add a backend that issues tokens",
            ),
            Self::NotRevalidated => f.write_str(
                "`Require::revalidated()` has to ask the store, and `check` cannot wait for it: take the \
                 requirement as a layer, or call `auth.confirm().await` before",
            ),
            Self::NoSession => f.write_str(
                "`Session` needs a credential that belongs to a stored sign-in: take SessionAuth, \
                 or JwtAuth with `.sign_in(store)`",
            ),
        }
    }
}

impl Error for ConfigError {}

/// What kind of failure an [`AuthError`] is, and so what to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// The store did not answer: 503. Nothing was changed that was acknowledged before.
    Unavailable,
    /// The request comes from another site: 403.
    CrossOrigin,
    /// Nobody is signed in, or the credential to renew is not good: 401.
    Unauthenticated,
    /// More scopes were asked for than the sign-in has: 400.
    InvalidScope,
    /// The limit of concurrent sign-ins is reached and refuses new ones: 403.
    LimitReached,
    /// The data of the sign-in is larger than allowed: 413.
    TooLarge,
    /// The program asks for what its layer cannot do: 500.
    Config,
    /// The response has left, and nobody would save this: 500.
    Closed,
    /// What the application gave cannot be encoded or decoded: 500.
    Serialization,
}

/// Why a sign-in, refresh, sign-out or listing failed. As an axum response it answers for itself;
/// its text names no backend, its `source()` does.
#[derive(Debug)]
pub struct AuthError {
    kind: AuthErrorKind,
    source: BoxError,
    challenges: HeaderMap,
    told: bool,
}

impl AuthError {
    /// An error of this kind, from this source.
    pub fn new(kind: AuthErrorKind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: source.into(), challenges: HeaderMap::new(), told: false }
    }

    /// Makes it an event, unless it was one already.
    pub(crate) fn tell(self) -> Self {
        if !self.told {
            let source = Some(&*self.source as &(dyn Error + 'static));
            match self.kind {
                AuthErrorKind::Unavailable => tracing::error!(source, "{self}"),
                AuthErrorKind::CrossOrigin => tracing::warn!(source, "refused: cross-site"),
                _ => tracing::info!(source, "{self}"),
            }
        }
        Self { told: true, ..self }
    }

    /// The HTTP status that says so.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind {
            AuthErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            AuthErrorKind::CrossOrigin | AuthErrorKind::LimitReached => StatusCode::FORBIDDEN,
            AuthErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            AuthErrorKind::InvalidScope => StatusCode::BAD_REQUEST,
            AuthErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            AuthErrorKind::Config | AuthErrorKind::Closed | AuthErrorKind::Serialization => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }

    /// Adds what a 401 must say: which schemes could have worked.
    pub(crate) fn with_challenges(self, challenges: HeaderMap) -> Self {
        Self { challenges, ..self }
    }

    /// The `WWW-Authenticate` headers that go with a 401; empty for other kinds.
    #[must_use]
    pub fn challenges(&self) -> &HeaderMap {
        &self.challenges
    }

    /// What became of the request's own credential, if that is why.
    pub(crate) fn rejection(&self) -> Option<&Rejection> {
        self.source.downcast_ref()
    }

    /// What kind of failure it is.
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
            AuthErrorKind::Unavailable => "sign-ins are unavailable at the moment",
            AuthErrorKind::CrossOrigin => "the request comes from another site",
            AuthErrorKind::Unauthenticated => "there is no good credential to act on",
            AuthErrorKind::InvalidScope => "more scopes were asked for than the sign-in has",
            AuthErrorKind::LimitReached => "the limit of concurrent sign-ins is reached",
            AuthErrorKind::TooLarge => "the data of the sign-in is too large",
            AuthErrorKind::Config => "the authentication layer cannot do what was asked",
            AuthErrorKind::Closed => "the response has left, and nothing is saved after it",
            AuthErrorKind::Serialization => "the data of the sign-in cannot be encoded or decoded",
        })
    }
}

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
