//! Stores by their URLs.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod opened;
mod refused;
