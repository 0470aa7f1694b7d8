//! Sign-ins in the memory of this process.
//!
//! `store` holds the operations, and `table` the records under their ids, the bounds on their number,
//! and the ids of each subject's sign-ins. What changes the set of a subject's sign-ins holds the lock of
//! that subject's shard, then takes the record's lock for a moment; what only reads a record takes the
//! record's lock alone. The queue of anonymous sign-ins is locked between the two: a subject is never
//! locked while the queue is.

mod store;
mod table;

pub use store::{MemoryStore, MemoryStoreBuilder};
