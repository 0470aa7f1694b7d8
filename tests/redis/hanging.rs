//! A store whose server hangs when it is told to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_servers::RedisServer;
use auth_store::{
    CompareAndSwap, Created, Deleted, Digest, Record, RedisStore, Rotation, SessionData,
    SignInLimit, Store, StoreError, Watch,
};

/// Stops its server just before an update is sent.
pub(crate) struct Hanging {
    store: RedisStore,
    server: Arc<RedisServer>,
    hangs: AtomicBool,
}

impl Hanging {
    pub(crate) fn over(store: RedisStore, server: &Arc<RedisServer>) -> Arc<Self> {
        Arc::new(Self { store, server: Arc::clone(server), hangs: AtomicBool::new(false) })
    }

    pub(crate) fn hang_at_the_next_update(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Hanging {
    fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        self.store.new_id(subject)
    }

    fn watch(&self, sid: &SignInId) -> Option<Watch> {
        self.store.watch(sid)
    }

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        self.store.load(sid).await
    }

    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        self.store.create(record, limit).await
    }

    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        if self.hangs.swap(false, Ordering::SeqCst) {
            self.server.hang();
        }
        self.store.update(sid, version, data).await
    }

    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        self.store.rotate(sid, from, rotation).await
    }

    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        self.store.touch(sid, at).await
    }

    async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
        self.store.delete(sid).await
    }

    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        self.store.delete_if_version(sid, version).await
    }

    async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store.delete_if_idle(sid, last_seen).await
    }

    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        self.store.list(subject).await
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        self.store.revoke(subject, sid).await
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        self.store.revoke_others(subject, keep).await
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        self.store.revoke_subject(subject).await
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        self.store.update_subject(subject, principal).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.store.sweep(now, most).await
    }
}
