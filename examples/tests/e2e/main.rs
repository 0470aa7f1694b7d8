//! End-to-end tests: the real binaries, driven by curl and Chromium.
//!
//! Each test starts its own shop on a free port and stops it. A test named `sec_` and a number covers
//! the requirement of that number in `SECURITY.md`. A missing program fails the test; `tests/run`
//! installs all of them.

#![cfg(unix)] // the tests stop a shop with signals
#![allow(clippy::unwrap_used)] // a panic fails the test

#[path = "../harness/mod.rs"]
#[allow(dead_code, unused_imports)] // each test binary uses a part of it
mod harness;

mod access_tokens;
mod bearer_sessions;
mod behind_nginx;
mod command_line;
mod cookies;
mod events;
mod guide;
mod headers;
mod inspector;
mod logouts;
mod mcp;
mod other_sites;
mod page;
mod page_layout;
mod passwords;
mod provider_login;
mod refresh_tokens;
mod return_paths;
mod sessions_and_tokens;
mod shared_redis;
mod shutdown;
mod sign_in_flow;
mod signing_keys;
mod small_servers;
mod stale_shops;
mod stores;
