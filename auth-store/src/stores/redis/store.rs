//! The store.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use super::reply::{Reply, record, unexpected};
use super::shared::RedisInner;
use super::steps::Only;
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{Record, Rotation};
use crate::secret::Digest;
use crate::store::{CompareAndSwap, Created, Deleted, SignInLimit, Store};
use crate::stores::trace::traced;

/// Sign-ins in Redis: for several servers that share them, and to outlast a restart.
///
/// ```no_run
/// # async fn example() -> Result<(), auth_store::RedisSetupError> {
/// use auth_store::RedisStore;
///
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// # let _ = store; Ok(())
/// # }
/// ```
///
/// | URL | what is there |
/// |---|---|
/// | `redis://[[user]:password@]host[:port][/database]` | one server |
/// | `redis+sentinel://[..]host[:port],host[:port]/service[/database]` | a primary, as Sentinels say |
/// | `redis+cluster://[..]host[:port],host[:port]` | a cluster |
/// | `rediss..` | the same by TLS, with the feature `redis-tls`; Sentinels by TLS as well |
///
/// By TLS a server's certificate has to be one of the host by which it is reached: under Sentinel and in a
/// cluster, of what the Sentinels and `CLUSTER SLOTS` call it, which is an address unless they are told
/// otherwise. So the certificates name the addresses (as IP in `subjectAltName`), or the servers announce
/// host names: `replica-announce-ip` with `sentinel resolve-hostnames yes` and
/// `sentinel announce-hostnames yes`; `cluster-announce-hostname` with
/// `cluster-preferred-endpoint-type hostname` (Redis 7).
///
/// Redis 6.2 or newer. See that it forgets nothing: with `maxmemory-policy noeviction` (others are
/// refused), and with `appendonly yes` if sign-ins are to outlast a restart. The clock of Redis may
/// be wrong by less than an hour.
///
/// Anonymous sign-ins have a quota, [`anonymous`](crate::RedisStoreBuilder::max_anonymous). When a server's
/// memory is full, steps that need memory evict anonymous sign-ins of that server first, and are
/// unavailable when there are none left; ends need no memory.
///
/// # Memory
///
/// A sign-in with a user agent and short claims takes 408 bytes as a record and 120 as the only entry of
/// its subject's index, by `MEMORY USAGE`. All in all, with Redis 7.0.15 on a 64-bit machine: 678 bytes each of
/// 10 000 (by the test in `tests/redis/size.rs`), 649 of 100 000 and 641 of a million (keys and values of
/// those lengths), which took 671 MB of the machine.
///
/// # Unanswered steps
///
/// A step is unavailable if there is no answer within the command timeout, which is a second, and
/// is then not sent again: what was asked may have happened. Connections come back by themselves.
/// While slots of a cluster are moving, a step about all sign-ins of a subject can be unavailable
/// for as long as they are apart.
///
/// # What a failover can lose
///
/// Replication in Redis is asynchronous. Ends, new secrets and new roles are acknowledged once as many
/// replicas as [`replicas`](crate::RedisStoreBuilder::wait_for_replicas) says have read them; new sign-ins,
/// session data and times of use are not waited for, and whoever loses one signs in or adds to the cart
/// again. `WAIT` is not a consensus: what one replica has confirmed is lost if another one is promoted.
/// Measured with Redis 7.0.15 on one machine, as lost of acknowledged, by the tests in
/// `tests/redis/lost.rs`:
///
/// | what happens | ends | new secrets | data | new sign-ins |
/// |---|---|---|---|---|
/// | the primary's process dies, and the replica that has read most follows it (5 times) | 0 of 252 | 0 of 259 | 0 of 508 | 0 of 519 |
/// | the same in a cluster, with one replica each (2 times) | 0 of 109 | 0 of 93 | 0 of 202 | 0 of 289 |
/// | of two replicas one is cut off; the primary and the other die | 200 of 200 | 200 of 200 | 200 of 200 | 200 of 200 |
/// | the same, with `.replicas(2)` | 0 of 0 | 0 of 0 | 200 of 200 | 200 of 200 |
/// | the primary is cut off from its replicas, and still reached by us | 0 of 0 | 0 of 0 | 200 of 200 | 200 of 200 |
///
/// 0 of 0: the steps were unavailable, and not acknowledged. When a machine dies and not only a
/// process, what it had not sent yet goes with it: data and new sign-ins of the last moments. So:
///
/// - Sentinel and Cluster promote the replica that has read most. Leave `replica-priority` alone: by
///   another, one that has read less is preferred.
/// - A primary that had replicas and shows none any more confirms nothing. One that the store has never
///   seen with any does not have to: a node that starts while it is cut off is told so by
///   [`replicas(1)`](crate::RedisStoreBuilder::wait_for_replicas), which asks for a confirmation in any case.
/// - With two replicas or more, and if no end may be lost, ask for all of them to confirm.
/// - Set `min-replicas-to-write 1`, with a short `min-replicas-max-lag`: a primary that is cut off
///   takes no writes after that time.
pub struct RedisStore {
    pub(super) shared: Arc<RedisInner>,
}

impl RedisStore {
    pub(super) fn new(shared: RedisInner) -> Self {
        Self { shared: Arc::new(shared) }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("keys", &self.shared.keys).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RedisStore {
    fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        self.shared.new_id(subject)
    }

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        traced("load", self.shared.load(sid)).await
    }

    async fn create(
        &self,
        mut record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        record.version = 0;
        traced("create", self.shared.create(record, limit)).await
    }

    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        traced("update", self.shared.update(sid, version, &data)).await
    }

    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        traced("rotate", self.shared.rotate(sid, from, &rotation)).await
    }

    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        traced("touch", self.shared.touch(sid, at)).await
    }

    async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
        let deleted = traced("delete", self.shared.delete(sid, Only::Always, 0)).await?;
        Ok(deleted.is_done())
    }

    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        let step = self.shared.delete(sid, Only::AtVersion, version);
        match traced("delete_if", step).await? {
            Reply::Gone => Ok(Deleted::NotFound),
            Reply::Done(_) => Ok(Deleted::Done),
            Reply::Stale(now) => record(*sid, now).map(Deleted::Conflict),
            Reply::Taken | Reply::Full => Err(unexpected()),
        }
    }

    async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let step = self.shared.delete(sid, Only::UnusedSince, last_seen.as_millis());
        Ok(traced("delete_if_idle", step).await?.is_done())
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        traced("list", self.shared.list(subject)).await
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        traced("revoke", self.shared.revoke(subject, sid)).await
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        traced("revoke_others", self.shared.revoke_all(subject, Some(keep))).await
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        traced("revoke_subject", self.shared.revoke_all(subject, None)).await
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        traced("amend_subject", self.shared.amend(subject, principal)).await
    }

    /// Redis collects by itself. This only looks whether it is there, and still the same.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        let _ = (now, most);
        traced("sweep", self.shared.look()).await
    }
}
