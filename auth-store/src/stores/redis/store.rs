//! [`RedisStore`], the public type.
//!
//! Each method is one operation of `operations`, in its own span.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::inner::RedisInner;
use crate::forward_store;
use crate::store::{Cleanup, Store, StoreBounds};
use crate::stores::trace::Traced as _;

/// A store in Redis, which several nodes share and which outlasts their restarts.
///
/// One server:
///
/// ```no_run
/// # async fn example() -> Result<(), auth_store::RedisSetupError> {
/// use auth_store::RedisStore;
///
/// let store = RedisStore::connect("redis://:password@127.0.0.1:6379").await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// A primary with replicas, which Sentinels name, here as the service `sign-ins`:
///
/// ```no_run
/// # async fn example() -> Result<(), auth_store::RedisSetupError> {
/// # use auth_store::RedisStore;
/// let url = "redis+sentinel://:password@sentinel1,sentinel2,sentinel3:26379/sign-ins";
/// let store = RedisStore::builder(url).sentinel_password("another password").connect().await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// A cluster. The URL names one or more of its servers:
///
/// ```no_run
/// # async fn example() -> Result<(), auth_store::RedisSetupError> {
/// # use auth_store::RedisStore;
/// let store = RedisStore::connect("redis+cluster://:password@redis1,redis2,redis3").await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// TLS, with your own certificate authority:
///
/// ```no_run
/// # #[cfg(feature = "redis-tls")]
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// # use auth_store::RedisStore;
/// let authority = std::fs::read("/etc/redis/ca.pem")?;
/// let store =
///     RedisStore::builder("rediss://redis.internal").ca_certificate(authority).connect().await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// | URL | servers |
/// |---|---|
/// | `redis://[[user]:password@]host[:port][/database]` | one server |
/// | `redis+sentinel://[..]host[:port],host[:port]/service[/database]` | the primary that Sentinels name |
/// | `redis+cluster://[..]host[:port],host[:port]` | a cluster |
/// | `rediss..` | the same over TLS, Sentinels included; needs the feature `redis-tls` |
///
/// Over TLS, a server's certificate must name the host by which the store reaches it. Under
/// Sentinel and in a cluster, that is what the Sentinels and `CLUSTER SLOTS` report, which is an
/// address by default. So either the certificates contain the addresses (as IP in
/// `subjectAltName`), or the servers announce host names: `replica-announce-ip` with `sentinel
/// resolve-hostnames yes` and `sentinel announce-hostnames yes`; `cluster-announce-hostname` with
/// `cluster-preferred-endpoint-type hostname` (Redis 7).
///
/// # Requirements
///
/// - Redis 6.2 or newer.
/// - `maxmemory-policy noeviction`, so that Redis never evicts a sign-in. The store rejects servers with
///   another policy.
/// - Every server that the store reaches is a primary, and replicas accept no writes (`replica-read-only
///   yes`, the default). The store rejects a replica. It reads the role with every record, so it stops
///   using a primary that becomes a replica, even on open connections. It cannot check the role if its
///   user has no right to `ROLE`.
/// - `appendonly yes`, if sign-ins are to outlast a restart of Redis.
/// - Servers whose clocks are wrong by less than an hour.
///
/// Anonymous sign-ins have a quota, [`max_anonymous`](crate::RedisStoreBuilder::max_anonymous).
/// When the memory of a server is full, operations that need memory first evict anonymous sign-ins
/// of that server, and are unavailable when none are left. Ending a sign-in needs no memory.
///
/// # Memory
///
/// A sign-in with a user agent and short claims takes 408 bytes as a record and 120 as the only entry of its
/// subject's index, by `MEMORY USAGE`. In total, with Redis 7.0.15 on a 64-bit machine, each of 10,000
/// sign-ins takes 678 bytes (measured by `tests/redis/size.rs`). Keys and values of the same lengths take 649
/// bytes for each of 100,000 sign-ins, and 641 for each of a million, which is 671 MB of the machine's memory.
///
/// # Operations without an answer
///
/// An operation fails as unavailable if it is not answered within the
/// [`timeout`](crate::RedisStoreBuilder::timeout), which defaults to one second. It may have
/// happened, and is not sent again. The store reconnects automatically. While slots of a cluster
/// are moving, an operation on all sign-ins of a subject can fail as unavailable for as long as their
/// keys are on two servers.
///
/// # What a failover can lose
///
/// Replication in Redis is asynchronous. Ends, new secrets and new roles are acknowledged once as many
/// replicas as [`wait_for_replicas`](crate::RedisStoreBuilder::wait_for_replicas) demands have read them. So
/// are [revocations](crate::Revocations) of other issuers' tokens, and the links from a provider's session to
/// its sign-ins. The store does not wait for new sign-ins, session data and times of use: a user who loses one
/// signs in again, or adds to the cart again.
///
/// `WAIT` is not a consensus: what one replica has confirmed is lost if another one is promoted. The table
/// shows how many of the acknowledged changes were lost. It was measured with Redis 7.0.15 on one machine by
/// `tests/redis/failover_losses.rs`:
///
/// | what happens | ends | new secrets | data | new sign-ins |
/// |---|---|---|---|---|
/// | the primary's process dies, and the replica that has read most is promoted (5 times) | 0 of 252 | 0 of 259 | 0 of 508 | 0 of 519 |
/// | the same in a cluster, with one replica each (2 times) | 0 of 109 | 0 of 93 | 0 of 202 | 0 of 289 |
/// | one of two replicas is cut off; the primary and the other replica die | 200 of 200 | 200 of 200 | 200 of 200 | 200 of 200 |
/// | the same, with `.wait_for_replicas(2)` | 0 of 0 | 0 of 0 | 200 of 200 | 200 of 200 |
/// | the primary is cut off from its replicas, and still reached by the store | 0 of 0 | 0 of 0 | 200 of 200 | 200 of 200 |
///
/// "0 of 0" means that the operations failed as unavailable and were not acknowledged. When a whole
/// machine dies and not only the process, everything that it had not sent yet is lost as well: data
/// and new sign-ins of the last moments.
///
/// To lose as little as possible:
///
/// - Sentinel and Cluster promote the replica that has read most. Do not change `replica-priority`: a replica
///   that has read less could be preferred.
/// - By default, a node demands a confirmation only from a primary that it has seen with replicas. If such a
///   primary loses them, ends, revocations and new secrets fail as unavailable. If nodes may start while the primary is
///   cut off, set [`wait_for_replicas(1)`](crate::RedisStoreBuilder::wait_for_replicas), which always demands
///   a confirmation.
/// - With two replicas or more, if no end may be lost, demand a confirmation from all of them.
/// - Set `min-replicas-to-write 1` with a short `min-replicas-max-lag`: a primary that is cut off rejects
///   writes after that time.
pub struct RedisStore {
    pub(super) inner: Arc<RedisInner>,
}

impl RedisStore {
    pub(super) fn new(inner: RedisInner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("keys", &self.inner.keys).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RedisStore {
    forward_store!(self => self.inner, around: traced, except: [peek, watch, find, bounds]);

    /// Redis deletes expired keys.
    fn bounds(&self) -> StoreBounds {
        StoreBounds::default().cleanup(Cleanup::Automatic)
    }
}
