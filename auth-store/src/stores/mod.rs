//! The stores that come with the crate.

mod memory;
#[cfg(feature = "redis")]
mod redis;

pub use memory::{MemoryStore, MemoryStoreBuilder};
#[cfg(feature = "redis")]
pub use redis::{RedisSetupError, RedisStore, RedisStoreBuilder, UrlProblem};
