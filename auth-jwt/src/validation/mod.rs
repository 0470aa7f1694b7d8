//! What a token has to say to be believed.

mod builder;
mod check;

#[cfg(feature = "sign-in")]
pub(crate) use builder::Audience;
pub use builder::Validation;
pub(crate) use check::{Checks, Validity};
