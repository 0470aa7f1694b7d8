//! The one Tower layer of all backends: finds out who sent a request, and passes it on or refuses it.
//!
//! A request goes through `service` (find the credential that decides), `response` (wait for its
//! verification, run the inner service, finish the response) and `typed_context` (admit the request, and
//! what the layer keeps for it).

mod response;
mod service;
mod typed_context;

pub use response::ResponseFuture;
pub use service::{AuthLayer, AuthService};

pub(crate) use typed_context::TypedContext;
