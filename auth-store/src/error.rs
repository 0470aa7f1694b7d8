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
