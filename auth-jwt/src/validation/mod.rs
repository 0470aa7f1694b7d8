//! The requirements that a token has to meet, beyond a valid signature.

mod builder;
mod check;

#[cfg(feature = "sign-in")]
pub(crate) use builder::Audience;
pub use builder::Validation;
pub(crate) use check::{Checks, Validity};
