//! What the example servers share, and the shop as a library.
//!
//! The README of this folder lists the servers and how to run them. The shop is a library so that
//! [`shop::app`] can run behind any [`Authenticator`](auth_core::Authenticator), with the users and
//! the clock that a test chooses. The other servers are single files in `src/bin`.

pub mod api_keys;
pub mod client;
#[cfg(doctest)]
mod guide;
pub mod html;
pub mod mcp;
pub mod oidc;
pub mod passwords;
pub mod serve;
pub mod shop;
pub mod users;

/// Compiles and runs the example of the project's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
