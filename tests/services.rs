//! Says which tests `cargo test` leaves out.
//!
//! Cargo leaves out a test target without a word if a feature that it requires is missing. This one always
//! runs, and without the test harness, which would hide what it prints.

#![allow(clippy::print_stdout)] // cargo shows what it prints

/// The targets that require the feature `services`, and the tests that are ignored without it.
const LEFT_OUT: &str = "
The feature `services` is not enabled, so these tests are left out:

  auth-servers            databases, left_behind
  auth-store              connect, redis, sql
  auth-tests              redis, behaviour (interop only; its stores in Redis and SQL)
  examples                e2e, under_load

They need Redis, PostgreSQL, MariaDB, nginx, curl, Chromium, Node.js and PyJWT. To run all tests:

  tests/run               installs what is missing (on Debian)
";

fn main() {
    // A request for the list of tests, for example by cargo-nextest, expects nothing else.
    let lists = std::env::args().any(|argument| argument == "--list");
    if !cfg!(feature = "services") && !lists {
        println!("{LEFT_OUT}");
    }
}
