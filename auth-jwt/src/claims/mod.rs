//! What a token says: the registered claims, and the application's.

mod members;
mod reader;
mod registered;

#[cfg(feature = "sign-in")]
pub(crate) use registered::words;
pub(crate) use registered::{DateClaim, ListClaim, MarkClaim, TextClaim, TokenClaims, issuer_of};
