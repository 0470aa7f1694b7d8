//! Shops over a database: SQLite, PostgreSQL, MariaDB.

mod at_start;
mod outages;
mod restarts;
mod service;
mod two_shops;
