//! Sign-ins in Redis: one server, one with replicas under Sentinel, or a cluster.
//!
//! # Keys
//!
//! A sign-in's id begins with 16 bits that say where it is kept, the *tag*. They are a keyed hash of
//! the subject, so that all keys of a subject are in one slot of a cluster, and one script can change
//! all of them. While anonymous they are one of up to 256 *buckets*, chosen at random.
//!
//! | key | what |
//! |---|---|
//! | `{prefix}{{tag}}:s:{sid}` | a record, as bytes; see `encoding` |
//! | `{prefix}{{tag}}:u:{subject}` | the ids of the subject's sign-ins, by the time of creation |
//! | `{prefix}{{tag}}:a` | the ids of a bucket's anonymous sign-ins, by when they end |
//! | `{prefix}key` | the key of the hash, made by whoever comes first |
//! | `{prefix}{{..}}:key` | in a cluster, copies of it in eight parts of the slots |
//! | `{prefix}{{..}}:life` | a name of what this primary holds, made by whoever beats first |
//! | `{prefix}bus` | the channel on which changes are published |
//!
//! # Steps
//!
//! Each step is one script, which reads, decides, publishes and writes: what the script could not finish
//! was announced. A time to live is set on
//! every key, an hour after the end of what it holds, so that Redis collects it by itself; what has
//! expired is decided by the caller's clock.
//!
//! # Room
//!
//! Each bucket holds its part of the quota of anonymous sign-ins; a new one beyond that evicts the one
//! that would end first. Redis refuses a script's first write when its memory is full, and none of
//! the script happens: then anonymous sign-ins of that server are evicted, by a script that only
//! deletes, and the step is taken again. Who is signed in is never evicted.
//!
//! # The bus
//!
//! `ended` and `changed` are each followed by the ids of the sign-ins that did, with spaces between. A step publishes one message, in the script that writes; a step that finds
//! nothing to change publishes none, and neither do new sign-ins and notes of a use.
//!
//! `beat <node> <number> <source>` is a sign of life, sent by a node to itself by way of every
//! primary. The script writes, which only a primary can, and names the source: the primary's
//! replication id, which changes with every failover, the name of what it holds, which goes with
//! `FLUSHALL`, and in a cluster a digest of which primaries have slots as this one sees it. Each node subscribes at every primary, and a beat counts only on
//! the connection to the one that it names: what servers pass on to each other may be lost.

mod builder;
#[cfg(feature = "near-cache")]
mod bus;
mod connection;
mod encoding;
mod keys;
mod reply;
mod room;
mod routing;
mod scripts;
mod setup_error;
mod shared;
mod steps;
mod store;
mod stored_key;
mod subjects;
mod url;
mod visitors;

pub use builder::RedisStoreBuilder;
pub use setup_error::{InvalidUrl, RedisSetupError};
pub use store::RedisStore;
