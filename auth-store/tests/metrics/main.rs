//! The metrics: their names, their values, and the stores that they measure.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../near_cache/announcing.rs"]
#[allow(dead_code)]
mod announcing;
mod counted;
mod kit;
mod recorded;
