//! What the runnable examples share, and the shop itself as a library.
//!
//! | run | what it shows |
//! |---|---|
//! | `cargo run -p examples --bin session` | the smallest axum server with sessions |
//! | `cargo run -p examples --bin jwt` | the same with tokens |
//! | `cargo run -p examples --bin hyper` | sessions on plain hyper |
//! | `cargo run -p examples --bin grpc` | tokens in gRPC: a tonic server and a client |
//! | `cargo run -p examples --bin api_key` | an application's own credentials: API keys, HTTP Basic |
//! | `cargo run -p examples --bin shop` | a shop with a page: cart, devices, roles; sessions, tokens, or both |
//!
//! The shop is a library so that tests drive the very router that the binary serves: [`shop::app`]
//! with [`users::Users::demo_with`] and a backend of their own.

mod passwords;
pub mod serve;
pub mod shop;
pub mod throttle;
pub mod users;

/// The example of the README runs.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
