//! The routing key: the key of the hash that gives each subject its tag.
//!
//! It is stored on the servers, so that all nodes compute the same tags. Each node compares its copy with
//! the stored one whenever it has opened a connection.

use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use redis::FromRedisValue;
use sha2::Sha256;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use super::connection::{Failure, Request};
use super::inner::RedisInner;
use super::keys::Tag;

/// The length of the routing key.
pub(super) const KEY: usize = 32;

/// The routing key of this node. The hash is keyed so that an id does not reveal its subject, and so that
/// users cannot choose names that are all stored on one server.
pub(super) struct RoutingKey {
    key: RwLock<[u8; KEY]>,
    /// How many connections had been opened when the key was last compared with the stored one.
    compared_at: AtomicU64,
}

impl RoutingKey {
    pub(super) fn new(key: [u8; KEY]) -> Self {
        Self { key: RwLock::new(key), compared_at: AtomicU64::new(u64::MAX) }
    }

    fn key(&self) -> [u8; KEY] {
        *self.key.read()
    }

    /// Returns whether the key was compared after this many connections had been opened.
    pub(super) fn is_compared(&self, opened: u64) -> bool {
        self.compared_at.load(Ordering::Acquire) == opened
    }

    /// Adopts the stored key, and returns whether it differs from the one before.
    fn adopt(&self, stored: [u8; KEY], opened: u64) -> bool {
        let mut key = self.key.write();
        let differs = *key != stored;
        *key = stored;
        self.compared_at.store(opened, Ordering::Release);
        differs
    }

    pub(super) fn tag(&self, subject: &str) -> Tag {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key()).expect("any length is accepted");
        mac.update(subject.as_bytes());
        let hash = mac.finalize().into_bytes();
        Tag([hash[0], hash[1]])
    }
}

impl RedisInner {
    /// Adopts the stored routing key, or stores this node's if there is none.
    ///
    /// A cluster has several copies. A primary that comes back empty has lost its sign-ins, but a new key
    /// would make those on all other primaries impossible to find.
    pub(super) async fn compare_key(&self, deadline: Instant) -> Result<(), Failure> {
        let names = self.keys.routing_key(self.router.is_cluster());
        let first = names.first().ok_or_else(Failure::unexpected)?;
        self.router.reach(first.1, deadline).await?;
        let opened = self.opened();
        let stored = match self.find_key(&names, deadline).await? {
            Some(stored) => stored,
            None => {
                self.call(store_key(first, &self.routing_key.key()).on_replicas(), deadline)
                    .await?;
                self.stored_key(first, deadline).await?.ok_or_else(Failure::unexpected)?
            }
        };
        let is_new = self.routing_key.is_compared(u64::MAX);
        if self.routing_key.adopt(stored, opened) && !is_new {
            warn!("routing key changed; Redis was emptied or replaced");
        }
        // A server that is down gets its copy when it is back.
        let soon = (Instant::now() + self.config.timeout / 4).min(deadline);
        let copied = async {
            for name in names.iter().rev() {
                if let Err(error) = self.call(store_key(name, &stored), soon).await {
                    debug!(%error, "copy of the routing key not stored");
                }
            }
        };
        let _ = timeout_at(soon, copied).await;
        Ok(())
    }

    /// Returns the first copy that is found. `None` requires that every server has answered.
    async fn find_key(
        &self,
        names: &[(String, u16)],
        deadline: Instant,
    ) -> Result<Option<[u8; KEY]>, Failure> {
        for name in names {
            if let Some(stored) = self.stored_key(name, deadline).await? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    async fn stored_key(
        &self,
        (name, slot): &(String, u16),
        deadline: Instant,
    ) -> Result<Option<[u8; KEY]>, Failure> {
        let mut get = redis::cmd("GET");
        get.arg(name);
        let answer = self.call(Request::command(get, *slot).only_from_primary(), deadline).await?;
        let Ok(stored) = Option::<Vec<u8>>::from_redis_value(answer) else {
            return Err(Failure::unexpected());
        };
        let key = |bytes: Vec<u8>| bytes.try_into().map_err(|_| Failure::unexpected());
        stored.map(key).transpose()
    }
}

/// Returns the request to store a copy where there is none.
fn store_key((name, slot): &(String, u16), key: &[u8; KEY]) -> Request {
    let mut set = redis::cmd("SET");
    set.arg(name).arg(&key[..]).arg("NX");
    Request::command(set, *slot)
}
