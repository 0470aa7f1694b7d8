//! Sign-ins in a database: PostgreSQL, MySQL or MariaDB, SQLite.
//!
//! # Tables
//!
//! `auth_sign_ins` has one row for each sign-in; the scripts in `migrations` describe its columns.
//! Operations compare numbers and bytes only, so no collation, time zone or clock of the database
//! matters. `auth_migrations` lists the scripts that were executed.
//!
//! # Operations and locks
//!
//! An operation is one statement or one transaction. A sign-in with a limit locks its subject
//! first, so that it counts all committed sign-ins: with an advisory lock in PostgreSQL, with a row
//! of `auth_locks` in MySQL, and in SQLite by being the only writer. In MySQL, every sign-in of a
//! subject and every change of all its sign-ins also takes this lock.
//!
//! Operations on several rows lock them in the order of their ids in PostgreSQL, which checks for
//! deadlocks only after one second. Sweeps skip locked rows.
//!
//! An operation that was cancelled or timed out closes its connection, because the state of the
//! connection is unknown.
//!
//! # Files
//!
//! `store` declares the public types, `connect` opens them, and `operations` and `cleanup` do the
//! work on connections of `pool`, which `session` checks, with the SQL of `statements`. `dialect` lists
//! the differences between `mysql`, `postgres` and `sqlite`.

mod cleanup;
mod connect;
mod dialect;
mod error;
#[cfg(all(any(test, fuzzing), feature = "redis", feature = "sqlite"))]
pub(super) mod fuzzing;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(all(feature = "near-cache", feature = "postgres"))]
mod notify;
mod operations;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod session;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;
mod store;
mod url;

pub use error::SqlSetupError;
#[cfg(feature = "mysql")]
pub use mysql::{MySqlStore, MySqlStoreBuilder};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};
