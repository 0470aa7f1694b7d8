//! Two shops while many customers use them, whatever happens to their store; and how soon a logout is
//! known. What is measured here runs alone: a test binary of its own, one service at a time.

#![cfg(unix)] // a shop is told to stop by a signal
#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports)] // all that tests of the shop are made of
mod harness;
mod load;

mod behind_nginx;
mod faults;
mod found_out;
mod logouts;
mod two_shops;
