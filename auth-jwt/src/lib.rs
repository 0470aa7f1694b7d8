//! What a JSON Web Token says: the algorithms of its signature and its registered claims.
//!
//! This crate holds no verifier yet. What is here binds one that comes: an [`Algorithm`] says which
//! keys it may be used with, and [`RegisteredClaims`] reads the claims of RFC 7519 strictly.

mod algorithm;
mod claims;

pub use algorithm::{Algorithm, KeyRule, UnknownAlgorithm};
pub use claims::{Audience, RegisteredClaims};
