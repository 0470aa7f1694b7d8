//! A record that cannot be read.

use std::fmt;

use crate::stores::encoding::Malformed;

/// What is stored cannot be read.
#[derive(Debug)]
pub(in crate::stores::redis) enum Unreadable {
    /// Written in a format that this version does not know.
    Format(u8),
    /// Cut off, or not what was written.
    Malformed(Malformed),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(format) => write!(f, "a record of format {format}, which is not known"),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<Malformed> for Unreadable {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}
