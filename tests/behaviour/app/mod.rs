//! The application under test: the same endpoints with axum and with plain hyper.

mod axum;
mod handlers;
mod hyper;
mod model;

pub(crate) use axum::serve as serve_axum;
pub(crate) use hyper::serve as serve_hyper;
pub(crate) use model::{Confirmation, DeviceEntry, Login, Me, ProviderLogin, Refresh, User};
