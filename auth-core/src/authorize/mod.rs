//! What an identity must be for a request to pass.

mod layer;
mod require;
mod service;

pub use require::Require;
pub use service::{RequireFuture, RequireService};
