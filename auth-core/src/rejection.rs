//! Rejections: why a credential is invalid, and why a client is challenged.
//!
//! The reason of a rejection goes to logs and response extensions; the client receives only the
//! error codes of RFC 6750.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a credential was rejected. It is logged and put into response extensions, but never sent to
/// the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionReason {
    /// It does not have the form of a credential of its kind.
    Malformed,
    /// The request carries more than one credential of its kind.
    Duplicate,
    /// No authenticator recognizes the `Authorization` header.
    Unrecognized,
    /// It was never issued, or its sign-in has ended.
    Unknown,
    /// It has expired.
    Expired,
    /// It was replaced by a newer one.
    Rotated,
    /// It was replaced by a newer one and is used again, so it may have been stolen.
    Reused,
    /// It is valid for another purpose only.
    WrongKind,
    /// Its stored claims cannot be read as the layer's claims type: a deployment has changed the type
    /// since the user signed in.
    StoredClaims,
    /// Another reason, described in a few fixed words.
    Other(&'static str),
}

impl RejectionReason {
    /// Returns the reason in a word or two, as logs show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Duplicate => "duplicate",
            Self::Unrecognized => "unrecognized",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::Rotated => "rotated",
            Self::Reused => "reused",
            Self::WrongKind => "wrong kind",
            Self::StoredClaims => "stored claims",
            Self::Other(words) => words,
        }
    }
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An invalid credential: its scheme, and the reason why it was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The scheme of the credential: `bearer` for everything that RFC 6750 covers.
    pub scheme: &'static str,
    /// Why it was rejected.
    pub reason: RejectionReason,
}

impl Rejection {
    /// Creates a rejection of a credential of this scheme.
    #[must_use]
    pub fn new(scheme: &'static str, reason: RejectionReason) -> Self {
        Self { scheme, reason }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} credential was rejected: {}", self.scheme, self.reason)
    }
}

impl Error for Rejection {}

/// Why the client is challenged: the argument of
/// [`Authenticator::challenge`](crate::Authenticator::challenge).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ChallengeReason<'a> {
    /// The request carries no credential.
    MissingCredential,
    /// The request's credential was rejected.
    InvalidCredential(&'a Rejection),
    /// The credential lacks these scopes (RFC 6750 section 3.1, `insufficient_scope`).
    InsufficientScope(&'a str),
    /// The user must authenticate again, more recently or more strongly (RFC 9470).
    StepUp {
        /// The accepted authentication context classes. Empty if every class is accepted.
        acr: &'a [Box<str>],
        /// The maximum age of the authentication.
        max_age: Option<Duration>,
    },
}
