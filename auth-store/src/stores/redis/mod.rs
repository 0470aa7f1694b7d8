//! The store in Redis: one server, a primary with replicas under Sentinel, or a cluster.
//!
//! # Keys
//!
//! A sign-in's id begins with a *tag*, 16 bits that say where it is stored. The tag of a subject is a
//! keyed hash, so that all keys of a subject are in one slot of a cluster, and one script can change all
//! of them. An anonymous sign-in has the tag of one of up to 256 *buckets*, chosen at random.
//!
//! | key | what |
//! |---|---|
//! | `{prefix}{{tag}}:s:{id}` | a record: [`Record::to_bytes`](crate::Record::to_bytes) |
//! | `{prefix}{{tag}}:u:{subject}` | the ids of the subject's sign-ins, by the time of creation |
//! | `{prefix}{{tag}}:a` | the ids of a bucket's anonymous sign-ins, by the time of their end |
//! | `{prefix}key` | the *routing key*, which is the key of the hash; the first node creates it |
//! | `{prefix}{{..}}:key` | in a cluster, copies of the routing key in eight parts of the slots |
//! | `{prefix}{{..}}:life` | a name of the data on this primary; the first heartbeat creates it |
//! | `{prefix}bus` | the channel on which changes are published |
//!
//! # Steps
//!
//! Each step is one script, which reads, decides, publishes and writes, in this order: if a script is
//! cut short, everything that it has written was announced. Every key gets a time to live, an hour beyond
//! the end of what it holds, so that Redis collects it. A marker of a replaced cookie is collected after its
//! minute, because nothing depends on it. Whether a sign-in has expired is decided by the caller's clock.
//!
//! # Memory
//!
//! Each bucket holds its part of the quota of anonymous sign-ins. A new one beyond the quota evicts the
//! one that would end first. When its memory is full, Redis refuses the first write of a script, so that
//! the script changes nothing. Then a script that only deletes evicts anonymous sign-ins from that server,
//! and the step is taken again. Signed-in users are never evicted.
//!
//! # The channel
//!
//! `ended` and `changed` are each followed by the ids of the sign-ins, separated by spaces. The script that
//! writes publishes one message. A step that changes nothing publishes none, and neither do new sign-ins
//! and `touch`.
//!
//! `beat <node> <number> <source>` is a heartbeat, which a node sends to itself through every primary. The
//! script writes, which only a primary can, and names the source by: the primary's replication id, which
//! changes with every failover; the name of its data, which `FLUSHALL` removes; and in a cluster a digest
//! of the primaries with slots, as this primary sees them. Each node subscribes at every primary, and a
//! heartbeat counts only on the connection to the primary that it names: what servers pass on to each other
//! may be lost.

#[cfg(feature = "near-cache")]
mod announcements;
mod anonymous_buckets;
mod builder;
mod connection;
mod eviction;
#[cfg(all(any(test, fuzzing), feature = "redis", feature = "sqlite"))]
pub(super) mod fuzzing;
mod inner;
mod keys;
mod operations;
mod routing_key;
mod scripts;
mod setup_error;
mod store;
mod url;

pub use builder::RedisStoreBuilder;
pub use setup_error::{InvalidUrl, RedisSetupError};
pub use store::RedisStore;
