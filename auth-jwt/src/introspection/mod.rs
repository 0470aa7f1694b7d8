//! Opaque tokens of other issuers, which an introspection endpoint explains (RFC 7662).
//!
//! `auth` holds the options and authenticates requests, and `answers` keeps what the endpoint said. `endpoint`
//! sends a token to it.

mod answers;
mod auth;
mod endpoint;

pub use auth::{Introspection, IntrospectionAuth};
