//! Keys. Each is bound to one algorithm, and checked when it is loaded, so that verifying a token only
//! has to choose a key (RFC 8725 section 3.1).
//!
//! `Key`, `HmacKey` and `SigningKey` are what applications hold; `ParsedKey` is what verifies. `jwk` and
//! `components` read the formats in which keys are written.

mod components;
mod error;
mod hmac;
mod jwk;
mod parsed_key;
mod public;
mod roca;
mod signing;

#[cfg(feature = "remote-keys")]
pub(crate) use error::Shown;
pub use error::{InvalidKey, SkippedKey};
pub use hmac::HmacKey;
pub(crate) use jwk::Jwk;
pub(crate) use parsed_key::{MAX_ALIKE, ParsedKey, can_be_tried};
pub use public::Key;
pub use signing::SigningKey;
