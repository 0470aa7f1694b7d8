//! Sign-ins in a database: PostgreSQL, MySQL or MariaDB, SQLite.
//!
//! # Tables
//!
//! `auth_sign_ins` has a row for each sign-in; the scripts in `migrations` tell its columns. What
//! steps compare is a number or bytes: no collation, time zone or clock of the database takes part.
//! `auth_migrations` says which scripts were run.
//!
//! # Steps
//!
//! A step is one statement, or one transaction. Whoever creates with a limit locks the subject
//! first, so that what others have committed counts: by an advisory lock of PostgreSQL, by a row of
//! `auth_locks` in MySQL, and in SQLite by being the one who writes. In MySQL, so does whoever else
//! creates for a subject or changes all of its sign-ins.
//!
//! Steps that take several rows lock them in the order of their ids in PostgreSQL, which looks for
//! two that wait for each other only after a second. Sweeps pass over what others have locked.
//!
//! A step that was given up takes its connection with it: nobody knows where that stands.

mod create;
mod dialect;
mod failure;
mod migrate;
#[cfg(feature = "mysql")]
mod mysql;
mod open;
mod pool;
#[cfg(feature = "postgres")]
mod postgres;
mod row;
mod setup_error;
mod shared;
mod speaks;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statement;
mod statements;
mod steps;
mod store;
mod subjects;
mod sweep;
mod tables;
mod tidy;
mod tidying;
#[cfg(any(feature = "mysql", feature = "postgres"))]
mod url;
mod value;
mod wording;

#[cfg(feature = "mysql")]
pub use mysql::{MySqlStore, MySqlStoreBuilder};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
pub use setup_error::SqlSetupError;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};
