//! A store with one fault.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    CompareAndSwap, Created, Deleted, Digest, Peek, Record, Rotation, SessionData, SignInLimit,
    Store, StoreError, Watch,
};

use crate::plain::Plain;

/// What a broken store does otherwise than the plain one.
#[async_trait]
pub(crate) trait Fault: Send + Sync + 'static {
    fn new_id(&self, store: &Plain, subject: Option<&str>) -> Result<SignInId, StoreError> {
        store.new_id(subject)
    }
    fn peek(&self, store: &Plain, sid: &SignInId, see: See<'_>) {
        store.peek(sid, see);
    }
    fn watch(&self, store: &Plain, sid: &SignInId) -> Option<Watch> {
        store.watch(sid)
    }
    async fn load(&self, store: &Plain, sid: &SignInId) -> Loaded {
        store.load(sid).await
    }
    async fn create(&self, store: &Plain, record: Record, limit: Option<SignInLimit>) -> Creation {
        store.create(record, limit).await
    }
    async fn update(
        &self,
        store: &Plain,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Swapped {
        store.update(sid, version, data).await
    }
    async fn rotate(&self, store: &Plain, sid: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        store.rotate(sid, from, to).await
    }
    async fn touch(&self, store: &Plain, sid: &SignInId, at: Timestamp) -> Touched {
        store.touch(sid, at).await
    }
    async fn delete(&self, store: &Plain, sid: &SignInId) -> Ended {
        store.delete(sid).await
    }
    async fn delete_if(&self, store: &Plain, sid: &SignInId, version: u64) -> Deletion {
        store.delete_if_version(sid, version).await
    }
    async fn delete_if_idle(&self, store: &Plain, sid: &SignInId, seen: Timestamp) -> Ended {
        store.delete_if_idle(sid, seen).await
    }
    async fn list(&self, store: &Plain, subject: &str) -> Listed {
        store.list(subject).await
    }
    async fn revoke(&self, store: &Plain, subject: &str, sid: &SignInId) -> Ended {
        store.revoke(subject, sid).await
    }
    async fn revoke_others(&self, store: &Plain, subject: &str, keep: &SignInId) -> Count {
        store.revoke_others(subject, keep).await
    }
    async fn revoke_subject(&self, store: &Plain, subject: &str) -> Count {
        store.revoke_subject(subject).await
    }
    async fn amend_subject(&self, store: &Plain, subject: &str, principal: &[u8]) -> Count {
        store.update_subject(subject, principal).await
    }
    async fn sweep(&self, store: &Plain, now: Timestamp, most: usize) -> Count {
        store.sweep(now, most).await
    }
}

pub(crate) type See<'a> = &'a mut dyn FnMut(Peek<'_>);
pub(crate) type Loaded = Result<Option<Arc<Record>>, StoreError>;
pub(crate) type Listed = Result<Vec<Arc<Record>>, StoreError>;
pub(crate) type Creation = Result<Created, StoreError>;
pub(crate) type Swapped = Result<CompareAndSwap, StoreError>;
pub(crate) type Deletion = Result<Deleted, StoreError>;
pub(crate) type Ended = Result<bool, StoreError>;
pub(crate) type Touched = Result<(), StoreError>;
pub(crate) type Count = Result<usize, StoreError>;

/// The plain store, with this fault.
pub(crate) struct Broken<F>(pub(crate) Plain, pub(crate) F);

#[async_trait]
impl<F: Fault> Store for Broken<F> {
    fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        self.1.new_id(&self.0, subject)
    }
    fn peek(&self, sid: &SignInId, see: See<'_>) {
        self.1.peek(&self.0, sid, see);
    }
    fn watch(&self, sid: &SignInId) -> Option<Watch> {
        self.1.watch(&self.0, sid)
    }
    async fn load(&self, sid: &SignInId) -> Loaded {
        self.1.load(&self.0, sid).await
    }
    async fn create(&self, record: Record, limit: Option<SignInLimit>) -> Creation {
        self.1.create(&self.0, record, limit).await
    }
    async fn update(&self, sid: &SignInId, version: u64, data: SessionData) -> Swapped {
        self.1.update(&self.0, sid, version, data).await
    }
    async fn rotate(&self, sid: &SignInId, from: &Digest, to: Rotation) -> Swapped {
        self.1.rotate(&self.0, sid, from, to).await
    }
    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Touched {
        self.1.touch(&self.0, sid, at).await
    }
    async fn delete(&self, sid: &SignInId) -> Ended {
        self.1.delete(&self.0, sid).await
    }
    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Deletion {
        self.1.delete_if(&self.0, sid, version).await
    }
    async fn delete_if_idle(&self, sid: &SignInId, seen: Timestamp) -> Ended {
        self.1.delete_if_idle(&self.0, sid, seen).await
    }
    async fn list(&self, subject: &str) -> Listed {
        self.1.list(&self.0, subject).await
    }
    async fn revoke(&self, subject: &str, sid: &SignInId) -> Ended {
        self.1.revoke(&self.0, subject, sid).await
    }
    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Count {
        self.1.revoke_others(&self.0, subject, keep).await
    }
    async fn revoke_subject(&self, subject: &str) -> Count {
        self.1.revoke_subject(&self.0, subject).await
    }
    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Count {
        self.1.amend_subject(&self.0, subject, principal).await
    }
    async fn sweep(&self, now: Timestamp, most: usize) -> Count {
        self.1.sweep(&self.0, now, most).await
    }
}
