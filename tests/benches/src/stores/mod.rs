//! The costs of the stores: time, round trips and memory.
//!
//! The benchmarks of the layer use a `MemoryStore`. These measure what another store adds.

pub mod databases;
mod lookup;
mod memory;
mod redis;

pub use lookup::lookup;
pub use memory::{bytes_in_near_cache, bytes_in_redis};
pub use redis::Redis;
