//! Sign-ins in this process's memory.
//!
//! Records lie in a sharded table under their id, and a second table knows each subject's ids.
//! What changes a subject's set of sign-ins holds the lock of that subject's shard, then takes
//! the record's lock for a moment; what only reads a record takes that record's lock alone.

mod builder;
mod create;
mod remove;
mod room;
mod store;
mod subjects;
mod table;

pub use builder::MemoryStoreBuilder;
pub use store::MemoryStore;
