//! A store whose calls are counted.

use std::sync::Arc;

use ::metrics::{counter, histogram};
use async_trait::async_trait;
use auth_core::{Clock, SignInId, Timestamp};

use super::names::{CALLS, DURATION};
use crate::data::SessionData;
use crate::error::{StoreError, StoreErrorKind};
use crate::record::Record;
use crate::rotation::Rotation;
use crate::secret::{Digest, Secret, SecretKind};
use crate::store::{CompareAndSwap, Created, Deleted, Peek, SecretLookup, SignInLimit, Store};
use crate::watch::Watch;

/// Counts the calls of a store, and how long they take; see [`metrics`](crate::metrics). What is
/// answered from memory at once is not counted.
#[derive(Clone, Debug)]
pub struct InstrumentedStore<S> {
    pub(super) store: S,
    clock: Clock,
}

impl<S> InstrumentedStore<S> {
    /// Counts the calls of this store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, clock: Clock::system() }
    }

    /// The clock, of which only the [monotonic](Clock::monotonic) time counts.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Takes a step and counts it. One that is given up before it ends is not counted.
    pub(super) async fn count<T>(
        &self,
        op: &'static str,
        step: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let start = self.clock.monotonic();
        let result = step.await;
        let took = self.clock.monotonic().saturating_sub(start);
        histogram!(DURATION, "op" => op).record(took);
        counter!(CALLS, "op" => op, "outcome" => outcome(&result)).increment(1);
        result
    }
}

fn outcome<T>(result: &Result<T, StoreError>) -> &'static str {
    match result.as_ref().map_err(StoreError::kind) {
        Ok(_) => "ok",
        Err(StoreErrorKind::Unavailable) => "unavailable",
        Err(StoreErrorKind::DuplicateId) => "taken",
        Err(StoreErrorKind::Invalid) => "invalid",
    }
}

#[async_trait]
impl<S: Store> Store for InstrumentedStore<S> {
    fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        self.store.new_id(subject)
    }

    fn peek(&self, sid: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        self.store.peek(sid, see);
    }

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        self.count("load", self.store.load(sid)).await
    }

    fn watch(&self, sid: &SignInId) -> Option<Watch> {
        self.store.watch(sid)
    }

    async fn find(
        &self,
        secret: &Secret,
        kind: SecretKind,
        now: Timestamp,
    ) -> Result<SecretLookup, StoreError> {
        self.count("find", self.store.find(secret, kind, now)).await
    }

    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        self.count("create", self.store.create(record, limit)).await
    }

    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        self.count("update", self.store.update(sid, version, data)).await
    }

    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        self.count("rotate", self.store.rotate(sid, from, rotation)).await
    }

    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        self.count("touch", self.store.touch(sid, at)).await
    }

    async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
        self.count("delete", self.store.delete(sid)).await
    }

    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        self.count("delete_if", self.store.delete_if_version(sid, version)).await
    }

    async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        self.count("delete_if_idle", self.store.delete_if_idle(sid, last_seen)).await
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        self.count("list", self.store.list(subject)).await
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        self.count("revoke", self.store.revoke(subject, sid)).await
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        self.count("revoke_others", self.store.revoke_others(subject, keep)).await
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        self.count("revoke_subject", self.store.revoke_subject(subject)).await
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        self.count("amend_subject", self.store.update_subject(subject, principal)).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.count("sweep", self.store.sweep(now, most)).await
    }
}
