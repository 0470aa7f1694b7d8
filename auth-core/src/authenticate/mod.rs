//! The one Tower layer of all backends: finds out who sent a request, and passes it on or refuses it.
//!
//! A request goes through `service` (find the credential, decide, admit), `typed_context` (what the
//! layer keeps for the request) and `response` (wait, run the inner service, finish its response).

mod decide;
mod response;
mod service;
mod typed_context;

pub use response::ResponseFuture;
pub use service::{AuthLayer, AuthService};

pub(crate) use typed_context::TypedContext;
