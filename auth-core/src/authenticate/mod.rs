//! The one Tower layer of all backends: finds out who sent a request, and passes it on or refuses it.
//!
//! A request goes through `service` (find the credential that decides, wait for its verification, run
//! the inner service, finish the response) and `typed_context` (admit the request, and what the layer
//! keeps for it).

mod service;
mod typed_context;

pub use service::{AuthLayer, AuthService, ResponseFuture};

pub(crate) use typed_context::TypedContext;
