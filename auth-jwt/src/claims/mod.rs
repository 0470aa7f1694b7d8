//! The claims of a token: the registered ones, for the checks of this crate, and those that the
//! application's type has.
//!
//! `payload` finds the claims and checks the whole payload strictly. `token_claims` reads the registered
//! claims from it, and `application` those of the application's type.

mod application;
mod payload;
mod token_claims;

pub(crate) use application::application_claims;
pub(crate) use payload::Payload;
#[cfg(feature = "sign-in")]
pub(crate) use token_claims::words;
pub(crate) use token_claims::{ClaimsLayout, RolesSource, Texts, TokenClaims, unverified_issuer};
