//! Sessions on several nodes that share one Redis.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod contention;
mod hanging;
mod node;
mod unanswered;
