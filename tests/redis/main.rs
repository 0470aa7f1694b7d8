//! Sessions on several nodes that share one Redis.
//!
//! These tests need the layer, the sessions and a real server, so they belong to no single crate.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../call.rs"]
mod call;
mod contention;
mod hanging;
mod node;
mod unanswered;
