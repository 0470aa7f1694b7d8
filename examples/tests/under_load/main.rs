//! Two shops under load: what customers see while the store fails, and how soon a logout is effective.
//!
//! These tests measure, so they are a test binary of their own, and only one of them runs at a time.

#![cfg(unix)] // the tests stop a shop with signals
#![allow(clippy::unwrap_used)] // a panic fails the test

#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports)] // each test binary uses a part of it
mod harness;
mod load;

mod behind_nginx;
mod broken_services;
mod faults;
mod logouts;
mod two_shops;
