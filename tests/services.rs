//! Prints which tests `cargo test` leaves out, and how to run them.
//!
//! Cargo silently skips a test target if a feature that it requires is not enabled. This target always
//! runs. It does not use the test harness, which would capture the output.

#![allow(clippy::print_stdout)] // the purpose of this target

/// The targets that require the feature `services`, and the tests that are ignored without it.
const LEFT_OUT: &str = "
The feature `services` is not enabled, so these tests are left out:

  auth-servers            databases, left_behind
  auth-store              connect, mongodb, redis, sql
  auth-tests              redis; in behaviour: interop, a proxy, and all stores
                          but memory
  examples                e2e, under_load

They need Redis, PostgreSQL, PgBouncer, MariaDB, SecantusDB, nginx, Caddy, Traefik, curl, Chromium, Node.js and PyJWT. To run all
tests:

  tests/run               installs what is missing (on Debian)
";

fn main() {
    // cargo-nextest asks for the list of tests and expects no other output.
    let lists = std::env::args().any(|argument| argument == "--list");
    if !cfg!(feature = "services") && !lists {
        println!("{LEFT_OUT}");
    }
}
