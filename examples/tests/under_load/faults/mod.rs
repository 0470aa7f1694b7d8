//! What happens to the store while customers use two shops, and what they see of it.
//!
//! Whatever happens: who is signed in is served or told to come again, and is never taken for
//! nobody; who logged out is refused when the lease is over; and afterwards everything goes on
//! without a restart. `docs/faults.md` has the figures, which each test prints.

mod databases;
mod lines;
mod one_server;
mod replicas;
mod scene;
