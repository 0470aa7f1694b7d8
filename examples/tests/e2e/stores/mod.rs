//! The shop on real stores: Redis, PostgreSQL, MariaDB, MongoDB and SQLite. Tests that apply to several of them
//! are written once.

mod outages;
mod restarts;
mod shared_databases;
mod startup;
