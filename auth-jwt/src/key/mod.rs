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

pub use error::InvalidKey;
pub(crate) use held::Held;
pub(crate) use jwk::Jwk;
pub use public::Key;
pub use shared::SharedKey;
pub use signing::SigningKey;
