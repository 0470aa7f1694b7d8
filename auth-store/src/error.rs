//! Errors of stores, and of reading stored values.
//!
//! The texts name neither the backend nor stored values, because they may be logged and shown;
//! `source()` has the cause.

use std::error::Error;
use std::fmt;
use std::num::NonZeroU32;

use auth_core::{AuthError, AuthErrorKind, BoxError};

/// The kind of a [`StoreError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store did not answer, or has no room. Whether the operation took effect is unknown; what was
    /// acknowledged before still holds.
    Unavailable,
    /// [`create`](crate::Store::create) was called with an id that is in use. Nothing was changed.
    DuplicateId,
    /// The record cannot be stored, for example because its data is too large, or a stored record
    /// cannot be decoded. Nothing was changed.
    Invalid,
    /// Another operation was in the way. Nothing was changed, so the call can be repeated. A
    /// [`SignInManager`](crate::SignInManager) repeats it for up to three seconds.
    Contended,
    /// The sign-in exceeds what the store can keep, which [`StoreError::bound`] names. Nothing was changed.
    OutOfBounds,
}

/// An error of a [`Store`](crate::Store). That a sign-in does not exist is never an error.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: BoxError,
}

impl StoreError {
    /// Creates an error of this kind with this cause.
    pub fn new(kind: StoreErrorKind, source: impl Into<BoxError>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Creates an error of kind [`Unavailable`](StoreErrorKind::Unavailable).
    pub fn unavailable(source: impl Into<BoxError>) -> Self {
        Self::new(StoreErrorKind::Unavailable, source)
    }

    /// Creates an error of kind [`DuplicateId`](StoreErrorKind::DuplicateId).
    #[must_use]
    pub fn duplicate_id() -> Self {
        Self::new(StoreErrorKind::DuplicateId, "`create` never replaces a sign-in")
    }

    /// Creates an error of kind [`Contended`](StoreErrorKind::Contended).
    pub fn contended(source: impl Into<BoxError>) -> Self {
        Self::new(StoreErrorKind::Contended, source)
    }

    /// Creates an error of kind [`OutOfBounds`](StoreErrorKind::OutOfBounds).
    #[must_use]
    pub fn out_of_bounds(bound: Bound) -> Self {
        Self::new(StoreErrorKind::OutOfBounds, bound)
    }

    /// Returns the kind of this error.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Returns the bound that was exceeded, if the error is of kind
    /// [`OutOfBounds`](StoreErrorKind::OutOfBounds).
    #[must_use]
    pub fn bound(&self) -> Option<Bound> {
        self.source.downcast_ref().copied()
    }
}

/// A bound of a store that a sign-in exceeds; see [`StoreBounds`](crate::StoreBounds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bound {
    /// The number of sign-ins of a subject. The limit of the call is higher, or there is none.
    SignIns(NonZeroU32),
    /// The length of a subject in bytes.
    SubjectBytes(usize),
    /// The length of encoded roles and claims in bytes.
    PrincipalBytes(usize),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignIns(max) => {
                write!(f, "the store keeps at most {max} sign-ins of a subject: set a limit")
            }
            Self::SubjectBytes(max) => write!(f, "the subject must be at most {max} bytes"),
            Self::PrincipalBytes(max) => write!(f, "roles and claims must be at most {max} bytes"),
        }
    }
}

impl Error for Bound {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the sign-in store is unavailable",
            StoreErrorKind::DuplicateId => "the sign-in id is already in use",
            StoreErrorKind::Invalid => "the sign-in cannot be stored or decoded",
            StoreErrorKind::Contended => "the sign-in store is busy with other changes",
            StoreErrorKind::OutOfBounds => "the sign-in exceeds what the store can keep",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}

/// A sign-in that exceeds a bound of the store is [`TooLarge`](AuthErrorKind::TooLarge). Every other error
/// makes the operation [`Unavailable`](AuthErrorKind::Unavailable).
impl From<StoreError> for AuthError {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::OutOfBounds => AuthErrorKind::TooLarge,
            _ => AuthErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}

/// A value of a `Session` that does not have the requested type, for example because a deployment has
/// changed the type: the `source()` of a [`Serialization`](AuthErrorKind::Serialization) error.
///
/// The stored value is not changed. The error names the key, the type and the position in the JSON, but
/// not the value, because that may be personal, and errors are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidValue {
    /// The key.
    pub key: Box<str>,
    /// The requested type.
    pub type_name: &'static str,
    line: usize,
    column: usize,
}

impl InvalidValue {
    pub(crate) fn new(key: &str, type_name: &'static str, error: &serde_json::Error) -> Self {
        Self { key: key.into(), type_name, line: error.line(), column: error.column() }
    }
}

impl fmt::Display for InvalidValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, type_name, line, column } = self;
        write!(
            f,
            "the value of `{key}` is not a valid `{type_name}`, at line {line}, column {column}"
        )
    }
}

impl Error for InvalidValue {}

impl From<InvalidValue> for AuthError {
    fn from(error: InvalidValue) -> Self {
        Self::new(AuthErrorKind::Serialization, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_74_the_message_does_not_repeat_the_value() {
        let error = serde_json::from_str::<u64>(r#""alice@example.org""#).unwrap_err();
        assert!(error.to_string().contains("alice"), "serde_json repeats the value");
        let error = InvalidValue::new("age", "u64", &error);
        assert_eq!(
            error.to_string(),
            "the value of `age` is not a valid `u64`, at line 1, column 19"
        );
        assert!(!format!("{error:?}").contains("alice") && error.source().is_none());
    }
}
