//! Why a store could not do what it was asked.

use std::error::Error;
use std::fmt;

use auth_core::{AuthError, AuthErrorKind, BoxError};

/// What kind of failure a [`StoreError`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store did not answer, or has no room. What was acknowledged before still stands;
    /// whether this operation happened is not known.
    Unavailable,
    /// `create` was given a key that is taken. Nothing was changed.
    DuplicateId,
    /// The record cannot be stored as it is: its data is too large, or what is stored cannot be
    /// read. Nothing was changed.
    Invalid,
}

/// Why a store could not do what it was asked. It is never used for "there is no such sign-in".
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: BoxError,
}

impl StoreError {
    /// An error of this kind, from this source.
    pub fn new(kind: StoreErrorKind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: source.into() }
    }

    /// The store did not answer.
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::new(StoreErrorKind::Unavailable, source)
    }

    /// `create` was given a key that is taken.
    #[must_use]
    pub fn duplicate_id() -> Self {
        Self::new(StoreErrorKind::DuplicateId, "create never replaces a sign-in")
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the store of sign-ins did not answer",
            StoreErrorKind::DuplicateId => "the sign-in id is taken",
            StoreErrorKind::Invalid => "the sign-in cannot be stored or read as it is",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// A failed store makes the operation unavailable, whatever failed in it.
impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        Self::new(AuthErrorKind::Unavailable, error)
    }
}

/// Stored JSON that is not what was asked for: where, and not what. The text of `serde_json`'s own
/// error repeats the value, which may be personal, and errors go to logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Undecodable {
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for Undecodable {
    fn from(error: serde_json::Error) -> Self {
        Self { line: error.line(), column: error.column() }
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column } = self;
        write!(f, "JSON of another type, at line {line}, column {column}")
    }
}

impl Error for Undecodable {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_74_it_does_not_repeat_the_value() {
        let error = serde_json::from_str::<u64>(r#""alice@example.org""#).unwrap_err();
        assert!(error.to_string().contains("alice"), "or there is nothing to keep quiet");
        let error = Undecodable::from(error);
        assert_eq!(error.to_string(), "JSON of another type, at line 1, column 19");
        assert!(!format!("{error:?}").contains("alice") && error.source().is_none());
    }
}
