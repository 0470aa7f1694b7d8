//! The near cache keeps the contract of its store, and uses no entry for longer than it may.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod announcing;
mod captured;
mod conformance;
mod ends;
mod entries;
mod nodes;
mod revocations;
mod staleness;
mod warnings;
