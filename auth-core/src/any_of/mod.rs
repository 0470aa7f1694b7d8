//! [`any_of`]: several backends as one.
//!
//! The first member that finds its kind of credential decides about the request. Signing in and out
//! concerns all members, so that no credential of an old sign-in is left behind.

mod authenticator;
mod sign_ins;

pub use authenticator::{AnyOf, IntoAuthenticators, any_of};
