//! The one Tower service that every backend uses: it finds out who sent a request.

mod decide;
mod future;
mod lanes;
mod layer;
mod policy;
mod service;

pub use future::ResponseFuture;
pub use layer::AuthLayer;
pub use service::AuthService;
