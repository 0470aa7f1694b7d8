//! Two shops and their customers while the store fails.
//!
//! In every test, a signed-in user is served or gets 503, and never 401. A user who has logged out is
//! rejected once the cached sign-in is older than `max_staleness`. Afterwards the shops continue without
//! a restart. `docs/faults.md` has the figures, which each test prints.

mod databases;
mod fault_test;
mod one_store;
mod redis;
mod replicas;
