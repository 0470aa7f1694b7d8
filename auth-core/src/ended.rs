//! How a sign-in ended.

use std::fmt;

/// How the sign-in ended for which a request acts: what [`Auth::ended`](crate::Auth::ended) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// It is not there any more: signed out, revoked, pushed out by the limit of sign-ins, or left
    /// behind by another user who signed in with the same client.
    Revoked,
    /// Its user has signed in anew: what the request came with is no good, and the client has
    /// something better.
    Replaced,
    /// It was not used for too long, or has lasted as long as it may.
    Expired,
    /// Nobody knows: for ten seconds the store did not say whether it still stands.
    Unconfirmed,
    /// There is none: nobody is signed in.
    NotSignedIn,
}

impl EndReason {
    /// How it ended in a word or two, as events show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Unconfirmed => "unconfirmed",
            Self::NotSignedIn => "not signed in",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
