//! The errors of rotating and withdrawing keys.
//!
//! [`RotateError`] is for a new key that is refused, [`WithdrawError`] for a key that must stay.

use std::error::Error;
use std::fmt;

/// The reason why [`SigningKeys::rotate`](crate::SigningKeys::rotate) refuses a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotateError {
    /// Another key of the same algorithm has this `kid`.
    NameTaken,
    /// The key, or one with the same `kid`, was [withdrawn](crate::SigningKeys::withdraw).
    Withdrawn,
}

impl fmt::Display for RotateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTaken => "another signing key has this `kid`",
            Self::Withdrawn => "this signing key, or one with this `kid`, was withdrawn",
        })
    }
}

impl Error for RotateError {}

/// The reason why [`SigningKeys::withdraw`](crate::SigningKeys::withdraw) does not withdraw a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithdrawError {
    /// No key has this `kid`.
    Unknown,
    /// It is the only key: without it, nothing could sign.
    Last,
}

impl fmt::Display for WithdrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no signing key has this `kid`",
            Self::Last => "it is the only signing key: rotate to another one first",
        })
    }
}

impl Error for WithdrawError {}
