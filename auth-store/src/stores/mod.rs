//! The stores that the crate provides: in memory, in Redis, in MongoDB, and in the SQL databases.
//!
//! `trace` adds spans and logs to the operations of the stores that can fail. The databases share `backoff`,
//! `database_options`, `eviction` and `url_options`.

#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod backoff;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod database_options;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod eviction;
#[cfg(all(any(test, fuzzing), feature = "redis", feature = "sqlite"))]
pub mod fuzzing;
mod memory;
#[cfg(feature = "mongodb")]
mod mongodb;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(any(
    feature = "mongodb",
    feature = "mysql",
    feature = "postgres",
    feature = "redis",
    feature = "sqlite"
))]
mod trace;
#[cfg(any(feature = "mongodb", feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod url_options;

pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "mongodb")]
pub use mongodb::{MongoSetupError, MongoStore, MongoStoreBuilder};
#[cfg(feature = "redis")]
pub use redis::{InvalidUrl, RedisSetupError, RedisStore, RedisStoreBuilder};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use sql::*;
