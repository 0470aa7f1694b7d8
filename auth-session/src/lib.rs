//! Sessions for any Tower stack.
//!
//! [`SessionAuth`] finds out who sent a request by an opaque secret in a cookie, or, for clients
//! that are no browsers, in an `Authorization` header. The store knows whose it is, so a sign-in
//! can be listed and ended at any time, from anywhere.
//!
//! - A visitor gets no cookie and costs no store write until something is stored for them.
//! - The cookie is found by its exact name; a malformed one costs no look-up, and an id that this
//!   server did not issue is never adopted.
//! - The secret changes at every sign-in, and the old one is dead at once.
//!
//! # Features
//!
//! - `axum`: extractors for `Identity<C>`, `Option<Identity<C>>`, `Auth<C>` and `Session`.

mod authenticator;
mod config;
mod session_auth;
mod sign_in;
mod transport;

pub use session_auth::SessionAuth;
