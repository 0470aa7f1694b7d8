//! What a token has to say to be believed.

mod build;
mod judge;
mod kinds;

#[cfg(feature = "sign-in")]
pub(crate) use build::Audience;
pub use build::Policy;
pub(crate) use judge::Validity;
