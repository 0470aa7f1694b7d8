//! What every step of the store uses: the servers, the names of the keys, and the tags.
//!
//! Ids of new sign-ins are created here, because an id begins with the tag of its subject.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use auth_core::SignInId;
use redis::Value;
use tokio::time::Instant;

use super::anonymous_buckets::AnonymousBuckets;
use super::connection::{ConnectionConfig, Failure, Request, Router, Script};
use super::keys::{Keys, Tag};
use super::routing_key::RoutingKey;
use crate::error::StoreError;

/// The servers, the names of the keys, and the tag of each subject.
pub(super) struct RedisInner {
    pub(super) router: Router,
    pub(super) config: Arc<ConnectionConfig>,
    pub(super) keys: Keys,
    pub(super) routing_key: RoutingKey,
    pub(super) buckets: AnonymousBuckets,
}

impl RedisInner {
    /// Returns the deadline of a step that begins now.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.config.timeout
    }

    pub(super) async fn call(&self, request: Request, deadline: Instant) -> Result<Value, Failure> {
        self.router.call(&request, deadline).await
    }

    /// Creates the id of a new sign-in, which is anonymous without a subject.
    pub(super) fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(StoreError::unavailable)?;
        Ok(self.derived_id(subject, bytes))
    }

    /// Puts the place of the record into the first two bytes of its id.
    pub(super) fn derived_id(&self, subject: Option<&str>, mut bytes: [u8; 16]) -> SignInId {
        let tag = match subject {
            Some(subject) => self.routing_key.tag(subject),
            None => self.buckets.tag(bytes[0]),
        };
        bytes[..2].copy_from_slice(&tag.0);
        SignInId::from_bytes(bytes)
    }

    /// Returns the request to run a script on one record.
    pub(super) fn record_request(
        &self,
        script: &'static Script,
        id: &SignInId,
        arguments: &[&[u8]],
    ) -> Request {
        let record = self.keys.record(id);
        Request::script(script, Tag::of(id).slot(), &[record.as_bytes()], arguments)
    }

    /// Returns the tag of a subject. A new connection may go to another server, or to one that was
    /// emptied. So the routing key is compared first, and no node continues with a different key.
    pub(super) async fn tag(&self, subject: &str, deadline: Instant) -> Result<Tag, Failure> {
        loop {
            let tag = self.routing_key.tag(subject);
            self.router.reach(tag.slot(), deadline).await?;
            if self.routing_key.is_compared(self.opened()) {
                return Ok(tag);
            }
            self.compare_key(deadline).await?;
        }
    }

    /// Checks that the servers can be reached and have the routing key.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        let deadline = self.deadline();
        self.router.connect(deadline).await?;
        Ok(self.compare_key(deadline).await?)
    }

    /// Returns how many connections were opened so far.
    pub(super) fn opened(&self) -> u64 {
        self.config.opened.load(Ordering::Relaxed)
    }
}
