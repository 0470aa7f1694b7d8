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
pub(crate) use held::Held;
pub(crate) use jwk::Jwk;
pub use public::Key;
pub use shared::SharedKey;
pub use signing::SigningKey;
pub(crate) use tries::{MOST_TRIES, would_be_tried};
