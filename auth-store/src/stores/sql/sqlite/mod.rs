//! Sign-ins in a file of SQLite.

mod dialect;
mod store;

pub use store::{SqliteStore, SqliteStoreBuilder};
