//! Sign-ins in MySQL or MariaDB.

mod dialect;
mod store;

pub use store::{MySqlStore, MySqlStoreBuilder};
