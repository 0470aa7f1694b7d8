//! The `Session` handle: the data of the sign-in that a request acts for.

#[cfg(feature = "axum")]
mod extract;
mod handle;
mod host;
mod state;

pub use handle::Session;
pub use host::SessionBackend;
