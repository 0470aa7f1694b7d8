//! Private keys that follow one another.

mod error;
mod jwks;
mod ring;

pub use error::{RotateError, WithdrawError};
pub use jwks::JwksService;
pub use ring::SigningKeys;
