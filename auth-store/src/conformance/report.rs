//! The results of checks, which have the types of `auth-core`.

pub(super) use auth_core::conformance::ensure;
pub use auth_core::conformance::{Report, Violation};

use crate::error::StoreError;

/// The result of a check: `Ok`, or how the store breaks the rule.
pub(super) type Outcome = Result<(), Violation>;

/// An operation that must succeed has failed.
impl From<StoreError> for Violation {
    fn from(error: StoreError) -> Self {
        Self::failed(error)
    }
}
