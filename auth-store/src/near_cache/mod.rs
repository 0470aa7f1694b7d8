//! A cache in this node's memory, in front of a store that several nodes share.
//!
//! ```no_run
//! # async fn example() -> Result<(), auth_store::RedisSetupError> {
//! use auth_store::RedisStore;
//! use auth_store::near_cache::NearCache;
//!
//! let store = NearCache::new(RedisStore::connect("redis://127.0.0.1").await?);
//! # let _ = store; Ok(())
//! # }
//! ```
//!
//! # The contract
//!
//! A [`NearCache`] may answer a request from an entry that is older than the store's record. It guarantees:
//!
//! - **Bounded staleness.** A change or an end that was acknowledged on any node takes effect on every
//!   node after [`max_staleness`](NearCacheBuilder::max_staleness) at the latest, which defaults to
//!   two seconds. From then on, no node answers from an older entry. Usually a change arrives within
//!   one round trip.
//! - **Proof that changes arrive.** A store announces a change in the same atomic step as the write.
//!   Four times per `max_staleness`, the node sends itself a *heartbeat* through every server that
//!   accepts writes, on the path of the announcements. Entries are used until `max_staleness` has
//!   passed since the *sending* of the last heartbeat that came back from each server: this is the
//!   *lease*. A half-open connection, a hung server or a process that was stopped for a while cannot
//!   extend it. Time is taken from the monotonic clock.
//! - **Entries are dropped when a change may have been missed.** The lease ends and every entry is
//!   dropped when a connection is lost, when announcements arrive faster than they are read, when
//!   another server accepts writes, or when a server was emptied (`FLUSHALL`). Until there is a new
//!   lease, the store answers every request.
//! - **An entry only confirms.** The store alone decides that a sign-in does not exist, that it was idle
//!   for too long, or that a secret was used before.
//! - **Entries have a maximum age.** Whatever else fails, an entry is not used for longer than
//!   [`max_age`](NearCacheBuilder::max_age), which defaults to one minute.
//! - **A node sees its own writes at once,** whatever their outcome: it drops the entry before and
//!   after the write. A record is not kept if a change of it was announced while it was loaded.
//!
//! Changes that bypass this crate, such as a record deleted by hand, are not announced. An entry for
//! such a record is used until its maximum age.
//!
//! A store that announces nothing is cached by [`with_ttl`](NearCacheBuilder::with_ttl): each entry is
//! used for that long, whatever other nodes change.
//!
//! # Memory
//!
//! The cache is bounded by [`max_entries`](NearCacheBuilder::max_entries) and by
//! [`max_bytes`](NearCacheBuilder::max_bytes), whichever is reached first. Entries that were not used
//! recently are evicted. An entry counts as the size of its record and of the identity that is decoded
//! from it, and 192 bytes for its places in the tables. A sign-in with a user agent, one role and short
//! claims counts as about 1070 bytes: with the defaults, about 62,600 of them fit. In a test in which half
//! of the sign-ins have 50 short roles, an entry counted as 2473 bytes on average and the process took 2559
//! (resident memory, x86-64 Linux with glibc 2.36, `tests/near_cache_memory.rs`).
//! Session data comes on top, up to 64 KiB.

mod announce;
mod builder;
mod cache;
mod entries;
mod lease;
mod listener;
mod stats;
mod store;

pub use announce::{Announcement, Announcements, AnnouncingStore, ChangeSource, Heartbeat};
pub use builder::NearCacheBuilder;
pub use cache::NearCache;
pub use stats::NearCacheStats;
