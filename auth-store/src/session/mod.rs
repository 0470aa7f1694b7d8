//! The data of the sign-in that a request acts for.
//!
//! [`Session`] is the request's handle. Its changes are collected in the request's state and saved
//! before the response is sent. A backend supplies the sign-ins and a cookie for visitors, as a
//! [`SessionBackend`].

mod handle;
mod state;

pub use handle::{Session, SessionBackend};
