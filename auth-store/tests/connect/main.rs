//! Stores by their URLs.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../support/error_text.rs"]
mod error_text;
mod opened;
mod refused;
