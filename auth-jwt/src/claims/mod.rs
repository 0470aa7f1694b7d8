//! The claims of a token: the registered ones, for the checks of this crate, and those that the
//! application's type has.
//!
//! `token_claims` reads the registered claims and checks the whole payload strictly. `application` reads
//! the payload again, into the application's type.

mod application;
mod token_claims;

pub(crate) use application::application_claims;
#[cfg(feature = "sign-in")]
pub(crate) use token_claims::words;
pub(crate) use token_claims::{ClaimsLayout, RolesSource, Texts, TokenClaims, unverified_issuer};
