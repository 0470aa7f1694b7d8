//! Room for what is to be kept, when a server is full.

use redis::Value;
use tokio::time::Instant;

use super::connection::{Failure, Request};
use super::scripts::EVICT;
use super::shared::RedisInner;
use crate::error::StoreError;

/// So many anonymous sign-ins go at a time.
const AT_ONCE: &str = "16";

impl RedisInner {
    /// Takes a step that needs memory. If the server has none, anonymous sign-ins are evicted there
    /// until it has, or until there are none left. A refused step has changed nothing.
    pub(super) async fn call_with_room(
        &self,
        request: Request,
        by: Instant,
    ) -> Result<Value, StoreError> {
        loop {
            match self.router.call(&request, by).await {
                Err(failure) if failure.is_full() && Instant::now() < by => {
                    if !self.make_room(request.slot(), by).await? {
                        return Err(failure.into());
                    }
                }
                answer => return Ok(answer?),
            }
        }
    }

    /// Evicts some anonymous sign-ins from the server that has this slot, those that would end first
    /// of one bucket after the other. Says whether there were any.
    async fn make_room(&self, slot: u16, by: Instant) -> Result<bool, StoreError> {
        let mut random = [0];
        getrandom::fill(&mut random).map_err(StoreError::unavailable)?;
        let tags = self.visitors.tags(random[0]);
        let tags: Vec<_> = tags.filter(|tag| self.router.share(slot, tag.slot())).collect();
        // In a cluster a script stays in one slot.
        let together = if self.router.is_cluster() { 1 } else { tags.len().max(1) };
        for tags in tags.chunks(together) {
            let slot = if self.router.is_cluster() { tags[0].slot() } else { slot };
            let indexes: Vec<_> = tags.iter().map(|tag| self.keys.visitors(*tag)).collect();
            let bases: Vec<_> = tags.iter().map(|tag| self.keys.base(*tag)).collect();
            let bus = self.keys.bus();
            let keys: Vec<_> = indexes.iter().map(String::as_bytes).collect();
            let mut arguments = vec![AT_ONCE.as_bytes(), bus.as_bytes()];
            arguments.extend(bases.iter().map(String::as_bytes));
            let request = Request::script(&EVICT, slot, &keys, &arguments);
            match self.router.call(&request, by).await? {
                Value::Int(0) => {}
                Value::Int(_) => return Ok(true),
                _ => return Err(Failure::unexpected().into()),
            }
        }
        Ok(false)
    }
}
