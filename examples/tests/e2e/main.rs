//! The shop as its users meet it: the real binary, asked by curl and by Chromium. And the smaller
//! servers, as their own first lines say.
//!
//! Each test starts a shop of its own on a free port and ends it. A test whose name begins with
//! `sec_` and a number holds the requirement of that number in `SECURITY.md`. A program that is
//! missing fails the test: `tests/run` installs them.

#![cfg(unix)] // a shop is told to stop by a signal
#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports)] // all that tests of the shop are made of
mod harness;

mod access_tokens;
mod bearer;
mod behind_nginx;
mod both;
mod command_line;
mod cookies;
mod databases;
mod events;
mod headers;
mod hearing;
mod logouts;
mod other_sites;
mod page;
mod page_events;
mod passwords;
mod redis_at_start;
mod redis_outages;
mod refresh_tokens;
mod return_paths;
mod signing_keys;
mod small_servers;
mod stopping;
mod time_limits;
mod two_shops;
mod walk;
