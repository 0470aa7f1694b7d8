//! The stores that the crate provides: in memory, in Redis, and in the SQL databases.
//!
//! `trace` adds spans and logs to the operations of the stores that can fail.

#[cfg(all(any(test, fuzzing), feature = "redis", feature = "sqlite"))]
pub mod fuzzing;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "redis", feature = "sqlite"))]
mod trace;

pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "redis")]
pub use redis::{InvalidUrl, RedisSetupError, RedisStore, RedisStoreBuilder};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use sql::*;
