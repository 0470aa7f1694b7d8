//! The shop as its users meet it: the real binary, asked by curl and by Chromium.
//!
//! Each test starts a shop of its own on a free port and ends it. A test whose name begins with
//! `sec_` and a number holds the requirement of that number in `SECURITY.md`. A program that is
//! missing fails the test: `tests/run` installs them.

#![cfg(unix)] // a shop is told to stop by a signal
#![allow(clippy::unwrap_used)] // a panic is how a test fails

mod harness;

mod command_line;
mod cookies;
mod headers;
mod other_sites;
mod page;
mod passwords;
mod return_paths;
mod stopping;
mod time_limits;
mod tokens;
mod walk;
