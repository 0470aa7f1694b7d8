//! The near cache keeps the contract of its store, and believes a copy no longer than it may.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod announcing;
mod captured;
mod copies;
mod ended;
mod kit;
mod telling;
mod trust;
