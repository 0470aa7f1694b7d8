//! A store by its URL, chosen when the program runs.

mod builder;
mod error;
#[allow(dead_code)] // how much of it is used depends on the stores that are compiled in
mod front;
mod open;
mod scheme;
#[allow(dead_code)] // likewise
mod settings;

pub use builder::{ConnectOptions, connect};
pub use error::ConnectError;
