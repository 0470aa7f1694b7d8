//! Private keys that follow one another.

mod handler;
mod jwks;
mod ring;

pub use handler::JwksService;
pub use ring::{SigningKeys, WithdrawError};
