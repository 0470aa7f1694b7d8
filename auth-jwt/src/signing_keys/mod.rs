//! Private keys that follow one another.

mod error;
mod handler;
mod jwks;
mod ring;

pub use error::{RotateError, WithdrawError};
pub use handler::JwksService;
pub use ring::SigningKeys;
