//! A cache in this node's memory, in front of a store that several nodes share.
//!
//! # The contract
//!
//! A [`NearCache`] may answer a request from a copy, and a copy may be older than the store. What holds:
//!
//! - **It is never staler than the bound**, two seconds unless another was given: what is ended or
//!   changed anywhere is not answered from a copy that was made before, once the bound has passed since
//!   that was acknowledged. As a rule it is heard of within a round trip.
//! - **It proves that it hears.** Changes are announced in the same atomic step as the write. Four times
//!   within the bound, the node sends itself a beat by way of every server that takes writes, along
//!   the path of the announcements. Copies are believed until the bound has passed since the *sending*
//!   of the last beat that came back from each: this is the *lease*. A connection that is half open, a
//!   server that hangs, a process that was stopped for a while cannot make it longer; the clock is the
//!   monotonic one.
//! - **What may have been missed is forgotten.** When a connection is lost, when announcements come
//!   faster than they are read, when another server takes writes than before, or one was emptied
//!   (`FLUSHALL`), the lease ends and every copy goes. Until there is a lease again, every request asks
//!   the store.
//! - **A copy says yes and never no.** "There is no such sign-in", "it was idle for too long", "this
//!   secret was used before" are said by the store alone.
//! - **A write is seen by its own node at once**, whatever became of it: the copy goes before it and
//!   after it. What is loaded while a change is announced is not kept.
//!
//! What cannot be heard: a record that somebody deletes or changes in the store by hand, past this
//! crate. A copy of it is believed until it is evicted, or the lease is lost.
//!
//! A store that announces nothing is cached by
//! [`stale_for`](NearCacheBuilder::with_ttl): there, a copy is believed for that long, whatever others
//! do.
//!
//! # Memory
//!
//! The copies are bounded by [`entries`](NearCacheBuilder::max_entries) and by
//! [`bytes`](NearCacheBuilder::max_bytes), whichever is reached first; those that were not asked for lately
//! go. A copy counts as what its record holds, with the claims twice because they are kept decoded as
//! well, and 192 bytes for its places in the tables. A sign-in with a user agent and short claims
//! counts as 799 bytes: with the defaults, 83 984 of them fit, and the process took 778 to 811 bytes
//! for each (resident memory, x86-64 Linux with glibc 2.36, `tests/near_cache_memory.rs`). Session data
//! comes on top, up to 64 KiB.

mod announce;
mod build;
mod copies;
mod counts;
mod lease;
mod listen;
mod near;
mod standing;
mod store;

pub use announce::{Announcement, Announcements, Announces, Beat, Source};
pub use build::NearCacheBuilder;
pub use counts::NearCacheStats;
pub use near::NearCache;
