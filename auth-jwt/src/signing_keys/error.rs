//! Why a key stays, or does not come.

use std::error::Error;
use std::fmt;

/// Why a key does not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotateError {
    /// Another key of its algorithm has its name.
    NameTaken,
}

impl fmt::Display for RotateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameTaken => "another signing key has this name",
        })
    }
}

impl Error for RotateError {}

/// Why a key was not withdrawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WithdrawError {
    /// There is no key of this name.
    Unknown,
    /// There is no other key, and nothing could sign.
    Last,
}

impl fmt::Display for WithdrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "there is no signing key of this name",
            Self::Last => "it is the only signing key: rotate to another one first",
        })
    }
}

impl Error for WithdrawError {}
