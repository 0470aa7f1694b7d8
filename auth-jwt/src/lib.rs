//! JSON Web Tokens for any Tower stack.
//!
//! [`JwtAuth`] finds out who sent a request by a signed token. Alone it is a pure verifier, without
//! any store. With a store, `JwtAuth::sign_in`, it issues access and refresh tokens
//! that belong to a stored sign-in: they can be listed and taken back at once, like sessions.
//!
//! - A key is bound to one algorithm, and checked when it is loaded.
//! - A token is read strictly, and nothing that it says counts before its signature is found to be
//!   good. Only where several issuers are trusted, its `iss` is looked at before, and chooses by
//!   whose keys it is verified. A header chooses among the keys that were configured, and brings none.
//! - A token that was verified is remembered by its digest, as long as its key and its time are good.
//!
//! # Features
//!
//! - `sign-in`: `JwtAuth::sign_in`.
//! - `testing`: an issuer in memory, for tests.

mod algorithm;
mod authenticator;
mod cache;
mod claims;
mod config;
mod good_token;
mod json;
mod jws;
mod jwt_auth;
mod key;
mod key_set;
mod keys;
mod mode;
mod proven;
#[cfg(feature = "sign-in")]
mod sign_in;
mod signing_keys;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod validation;
mod verifier;

pub use algorithm::{Algorithm, KeyRequirement, UnknownAlgorithm};
pub use authenticator::Mode;
pub use cache::CacheStats;
pub use jws::SignError;
pub use jwt_auth::JwtAuth;
pub use key::{HmacKey, InvalidKey, Key, SigningKey, SkippedKey};
pub use key_set::KeySet;
pub use keys::KeySource;
pub use mode::{Configured, Signs, Verifies};
#[cfg(feature = "sign-in")]
pub use sign_in::WithSignIn;
pub use signing_keys::{JwksService, RotateError, SigningKeys, WithdrawError};
pub use validation::Validation;
