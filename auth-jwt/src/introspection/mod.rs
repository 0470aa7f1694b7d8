//! Opaque tokens of other issuers, which an introspection endpoint explains (RFC 7662).
//!
//! `builder` holds the options, `auth` authenticates requests, and `answers` keeps what the endpoint said.
//! `endpoint` sends a token to it.

mod answers;
mod auth;
mod builder;
mod endpoint;

pub use auth::IntrospectionAuth;
pub use builder::Introspection;
