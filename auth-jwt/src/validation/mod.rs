//! The requirements that a token has to meet, beyond a valid signature.
//!
//! `builder` holds what applications configure, and `check` applies it to a token.

mod builder;
mod check;

#[cfg(feature = "sign-in")]
pub(crate) use builder::Audience;
pub use builder::Validation;
pub(crate) use check::{ApplicationChecks, NO_ISSUER, Validity};
