//! What a token has to say to be believed.

mod build;
mod checks;
mod judge;
mod kinds;

#[cfg(feature = "sign-in")]
pub(crate) use build::Audience;
pub use build::Validation;
pub(crate) use checks::Checks;
pub(crate) use judge::Validity;
