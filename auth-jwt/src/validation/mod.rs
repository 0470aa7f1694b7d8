//! The requirements that a token has to meet, beyond a valid signature.
//!
//! `builder` holds what applications configure, and `check` applies it to a token. `issuer` compares the
//! names of issuers that follow a template.

mod builder;
mod check;
mod issuer;

#[cfg(feature = "sign-in")]
pub(crate) use builder::Audience;
pub use builder::Validation;
pub(crate) use check::{ApplicationChecks, NO_ISSUER, Validity};
#[cfg(feature = "remote-keys")]
pub(crate) use issuer::IssuerTemplate;
