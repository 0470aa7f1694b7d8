//! Freeing memory on a full server, by evicting anonymous sign-ins.
//!
//! Signed-in users are never evicted.

use redis::Value;
use tokio::time::Instant;

use super::connection::{Failure, Request};
use super::inner::RedisInner;
use super::scripts::EVICT;
use crate::error::StoreError;

/// The number of sign-ins that are evicted at a time.
const AT_ONCE: &str = "16";

impl RedisInner {
    /// Takes a step that needs memory. If the server has none, evicts anonymous sign-ins of that server
    /// until the step succeeds or none are left. A refused step has changed nothing.
    pub(super) async fn call_evicting(
        &self,
        request: Request,
        deadline: Instant,
    ) -> Result<Value, StoreError> {
        loop {
            match self.router.call(&request, deadline).await {
                Err(failure) if failure.is_full() && Instant::now() < deadline => {
                    if !self.evict(request.slot(), deadline).await? {
                        return Err(failure.into());
                    }
                }
                answer => return Ok(answer?),
            }
        }
    }

    /// Evicts anonymous sign-ins from the server that has this slot: from one bucket after the other,
    /// those that would end first. Returns whether there were any.
    async fn evict(&self, slot: u16, deadline: Instant) -> Result<bool, StoreError> {
        let mut random = [0];
        getrandom::fill(&mut random).map_err(StoreError::unavailable)?;
        let tags = self.buckets.tags(random[0]);
        let tags: Vec<_> = tags.filter(|tag| self.router.share(slot, tag.slot())).collect();
        // In a cluster, all keys of a script are in one slot.
        let together = if self.router.is_cluster() { 1 } else { tags.len().max(1) };
        for tags in tags.chunks(together) {
            let slot = if self.router.is_cluster() { tags[0].slot() } else { slot };
            let indexes: Vec<_> = tags.iter().map(|tag| self.keys.bucket(*tag)).collect();
            let bases: Vec<_> = tags.iter().map(|tag| self.keys.base(*tag)).collect();
            let channel = self.keys.channel();
            let keys: Vec<_> = indexes.iter().map(String::as_bytes).collect();
            let mut arguments = vec![AT_ONCE.as_bytes(), channel.as_bytes()];
            arguments.extend(bases.iter().map(String::as_bytes));
            let request = Request::script(&EVICT, slot, &keys, &arguments);
            match self.router.call(&request, deadline).await? {
                Value::Int(0) => {}
                Value::Int(_) => return Ok(true),
                _ => return Err(Failure::unexpected().into()),
            }
        }
        Ok(false)
    }
}
