//! The key of the hash that makes tags of subjects, as the servers have it.

use redis::FromRedisValue;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, warn};

use super::connection::{Failure, Request};
use super::routing::KEY;
use super::shared::RedisInner;

impl RedisInner {
    /// Compares the key with the stored one, which counts. If there is none, this one is stored.
    ///
    /// A cluster has copies of it: a primary that comes back empty has lost the sign-ins that were there,
    /// and must not make all others unfindable with a new key.
    pub(super) async fn compare_key(&self, by: Instant) -> Result<(), Failure> {
        let names = self.keys.routing(self.router.is_cluster());
        let first = names.first().ok_or_else(Failure::unexpected)?;
        self.router.reach(first.1, by).await?;
        let opened = self.opened();
        let stored = match self.find_key(&names, by).await? {
            Some(stored) => stored,
            None => {
                self.call(keep(first, &self.routing.key()).lasting(), by).await?;
                self.stored_key(first, by).await?.ok_or_else(Failure::unexpected)?
            }
        };
        let is_new = self.routing.is_compared(u64::MAX);
        if self.routing.adopt(stored, opened) && !is_new {
            warn!("the sign-ins in Redis are not those from before: it was emptied or replaced");
        }
        // A server that is away gets its copy when it is back.
        let soon = (Instant::now() + self.settings.timeout / 4).min(by);
        let copied = async {
            for name in names.iter().rev() {
                if let Err(error) = self.call(keep(name, &stored), soon).await {
                    debug!(%error, "a copy of the key was not stored");
                }
            }
        };
        let _ = timeout_at(soon, copied).await;
        Ok(())
    }

    /// The first copy that there is. None only if every server says that it has none.
    async fn find_key(
        &self,
        names: &[(String, u16)],
        by: Instant,
    ) -> Result<Option<[u8; KEY]>, Failure> {
        for name in names {
            if let Some(stored) = self.stored_key(name, by).await? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    async fn stored_key(
        &self,
        (name, slot): &(String, u16),
        by: Instant,
    ) -> Result<Option<[u8; KEY]>, Failure> {
        let mut get = redis::cmd("GET");
        get.arg(name);
        let answer = self.call(Request::command(get, *slot), by).await?;
        let Ok(stored) = Option::<Vec<u8>>::from_redis_value(answer) else {
            return Err(Failure::unexpected());
        };
        let key = |bytes: Vec<u8>| bytes.try_into().map_err(|_| Failure::unexpected());
        stored.map(key).transpose()
    }
}

/// Stores a copy where there is none.
fn keep((name, slot): &(String, u16), key: &[u8; KEY]) -> Request {
    let mut set = redis::cmd("SET");
    set.arg(name).arg(&key[..]).arg("NX");
    Request::command(set, *slot)
}
