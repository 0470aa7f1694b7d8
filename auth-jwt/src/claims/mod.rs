//! The claims of a token: the registered ones, for the checks of this crate, and those that the
//! application's type has.
//!
//! `reader` reads both in one strict pass over the payload, with the help of `replay` and `checked`;
//! `token_claims` holds the registered claims.

mod checked;
mod reader;
mod replay;
mod token_claims;

#[cfg(feature = "sign-in")]
pub(crate) use token_claims::words;
pub(crate) use token_claims::{Texts, TokenClaims, unverified_issuer};
