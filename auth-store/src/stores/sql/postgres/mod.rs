//! Sign-ins in PostgreSQL.

#[cfg(feature = "near-cache")]
mod bus;
mod dialect;
mod store;

pub use store::{PostgresStore, PostgresStoreBuilder};
