//! The stores that come with the crate.

#[cfg(feature = "redis")]
mod encoding;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "redis")]
mod trace;

pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "redis")]
pub use redis::{RedisSetupError, RedisStore, RedisStoreBuilder, UrlProblem};
