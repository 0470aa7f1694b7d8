//! The stores in databases keep the contract: PostgreSQL, MariaDB and SQLite, while servers hang,
//! end and start again.

mod kit;
mod migrate;
mod setup;
mod sign_in;
mod stores;
mod subjects;
