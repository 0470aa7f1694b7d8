//! What every step uses.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use auth_core::SignInId;
use redis::{FromRedisValue, Value};
use tokio::time::Instant;
use tracing::warn;

use super::connection::{Failure, Request, Router, Script, Settings, slot};
use super::keys::{Keys, Tag};
use super::routing::{KEY, Routing};
use super::visitors::Visitors;
use crate::error::StoreError;

/// The servers, the names of the keys, and which tag a subject has.
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) settings: Arc<Settings>,
    pub(super) keys: Keys,
    pub(super) routing: Routing,
    pub(super) visitors: Visitors,
}

impl Shared {
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

    /// Compares the key with the stored one, which counts. If there is none, this one is stored.
    pub(super) async fn compare_key(&self, by: Instant) -> Result<(), Failure> {
        let name = self.keys.routing();
        self.router.reach(slot(name.as_bytes()), by).await?;
        let opened = self.opened();
        let stored = match self.stored_key(&name, by).await? {
            Some(stored) => stored,
            None => {
                let mut set = redis::cmd("SET");
                set.arg(&name).arg(&self.routing.key()[..]).arg("NX");
                let request = Request::command(set, slot(name.as_bytes())).lasting();
                self.call(request, by).await?;
                self.stored_key(&name, by).await?.ok_or_else(Failure::unexpected)?
            }
        };
        let first = self.routing.is_compared(u64::MAX);
        if self.routing.adopt(stored, opened) && !first {
            warn!("the sign-ins in Redis are not those from before: it was emptied or replaced");
        }
        Ok(())
    }

    async fn stored_key(&self, name: &str, by: Instant) -> Result<Option<[u8; KEY]>, Failure> {
        let mut get = redis::cmd("GET");
        get.arg(name);
        let answer = self.call(Request::command(get, slot(name.as_bytes())), by).await?;
        let Ok(stored) = Option::<Vec<u8>>::from_redis_value(answer) else {
            return Err(Failure::unexpected());
        };
        let key = |bytes: Vec<u8>| bytes.try_into().map_err(|_| Failure::unexpected());
        stored.map(key).transpose()
    }

    fn opened(&self) -> u64 {
        self.settings.opened.load(Ordering::Relaxed)
    }
}
