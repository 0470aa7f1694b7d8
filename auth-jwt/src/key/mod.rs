//! Keys: each is bound to one algorithm, and checked when it is loaded.

mod components;
mod error;
mod held;
mod jwk;
mod mac;
mod pem;
mod public;
mod shared;
mod signing;
mod tries;

pub use error::{InvalidKey, SkippedKey};
pub(crate) use held::ParsedKey;
pub(crate) use jwk::Jwk;
pub use public::Key;
pub use shared::HmacKey;
pub use signing::SigningKey;
pub(crate) use tries::{MOST_TRIES, would_be_tried};
