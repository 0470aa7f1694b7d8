//! Why a credential is no good, and what a refused client has to bring.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why a credential was refused. It goes to logs and response extensions, never to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RejectionReason {
    /// It does not look like a credential of its kind.
    Malformed,
    /// More than one of its kind came.
    Duplicate,
    /// No authenticator knows the scheme of the `Authorization` header.
    Unrecognized,
    /// Nobody issued it, or what it named has ended.
    Unknown,
    /// Its time is over.
    Expired,
    /// It was replaced by a newer one.
    Rotated,
    /// It was replaced, and is used again: somebody else may have it.
    Reused,
    /// It is good for another purpose only.
    WrongKind,
    /// Another reason, in a few fixed words.
    Other(&'static str),
}

impl RejectionReason {
    /// The reason in a word or two, as events show it.
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
            Self::Other(words) => words,
        }
    }
}

impl fmt::Display for RejectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A credential was there, and it is no good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// The scheme it belongs to; `bearer` for everything that RFC 6750 covers.
    pub scheme: &'static str,
    /// What is wrong with it.
    pub reason: RejectionReason,
}

impl Rejection {
    /// A rejection by the scheme of this name.
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

/// What a client has to bring: the argument of
/// [`Authenticator::challenge`](crate::Authenticator::challenge).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ChallengeReason<'a> {
    /// A credential: none came.
    MissingCredential,
    /// A good credential: this became of the one that came.
    InvalidCredential(&'a Rejection),
    /// A credential with these scopes as well (RFC 6750 section 3.1, `insufficient_scope`).
    InsufficientScope(&'a str),
    /// A fresh or stronger authentication (RFC 9470).
    StepUp {
        /// The authentication context classes that would do; empty if any would.
        acr: &'a [Box<str>],
        /// How long ago the authentication may have been.
        max_age: Option<Duration>,
    },
}
