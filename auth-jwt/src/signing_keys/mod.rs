//! Private keys that replace one another over time, and the service that publishes their public
//! halves.
//!
//! `ring` rotates the keys, and `jwks` publishes them.

mod error;
mod jwks;
mod ring;

pub use error::{RotateError, WithdrawError};
pub use jwks::JwksService;
pub use ring::SigningKeys;
