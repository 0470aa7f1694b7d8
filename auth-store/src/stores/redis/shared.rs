//! What every step uses.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use auth_core::SignInId;
use redis::Value;
use tokio::time::Instant;

use super::connection::{ConnectionConfig, Failure, Request, Router, Script};
use super::keys::{Keys, Tag};
use super::routing::Routing;
use super::visitors::AnonymousBuckets;
use crate::error::StoreError;

/// The servers, the names of the keys, and which tag a subject has.
pub(super) struct RedisInner {
    pub(super) router: Router,
    pub(super) settings: Arc<ConnectionConfig>,
    pub(super) keys: Keys,
    pub(super) routing: Routing,
    pub(super) visitors: AnonymousBuckets,
}

impl RedisInner {
    /// When a step that begins now has to be over.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.timeout
    }

    pub(super) async fn call(&self, request: Request, by: Instant) -> Result<Value, Failure> {
        self.router.call(&request, by).await
    }

    /// A new id for a sign-in of this subject, or of nobody.
    pub(super) fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(StoreError::unavailable)?;
        let tag = match subject {
            Some(subject) => self.routing.tag(subject),
            None => self.visitors.tag(bytes[0]),
        };
        bytes[..2].copy_from_slice(&tag.0);
        Ok(SignInId::from_bytes(bytes))
    }

    /// A script about one sign-in.
    pub(super) fn about(
        &self,
        script: &'static Script,
        sid: &SignInId,
        arguments: &[&[u8]],
    ) -> Request {
        let record = self.keys.record(sid);
        Request::script(script, Tag::of(sid).slot(), &[record.as_bytes()], arguments)
    }

    /// The tag of a subject. After a connection was opened the server may be another, or an empty
    /// one: the key is compared first, so that no node goes on with a key of its own.
    pub(super) async fn tag(&self, subject: &str, by: Instant) -> Result<Tag, Failure> {
        loop {
            let tag = self.routing.tag(subject);
            self.router.reach(tag.slot(), by).await?;
            if self.routing.is_compared(self.opened()) {
                return Ok(tag);
            }
            self.compare_key(by).await?;
        }
    }

    /// Looks whether the servers are there, and still know the key.
    pub(super) async fn look(&self) -> Result<usize, StoreError> {
        let by = self.deadline();
        self.router.connect(by).await?;
        self.compare_key(by).await?;
        Ok(0)
    }

    pub(super) fn opened(&self) -> u64 {
        self.settings.opened.load(Ordering::Relaxed)
    }
}
