//! The cache as a store.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use super::near::{NearCache, Trust};
use crate::data::SessionData;
use crate::error::StoreError;
use crate::forward_store;
use crate::record::{Record, Rotation};
use crate::secret::Digest;
use crate::store::{CompareAndSwap, Created, Deleted, Peek, SignInLimit, Store};
use crate::watch::Watch;

impl<S> NearCache<S> {
    /// Writes. This node hears of its own writes at once, whatever became of them: what was loaded
    /// before, and what is loaded meanwhile, is not kept.
    async fn writing<T>(
        &self,
        sid: &SignInId,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _after = Forget { cache: self, sid: *sid };
        self.shared.copies.forget(sid);
        write.await
    }

    async fn writing_all<T>(
        &self,
        subject: &str,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let _after = ForgetSubject { cache: self, subject };
        self.shared.copies.forget_subject(subject);
        write.await
    }
}

/// Forgets once more when the write is over, also when it was cancelled.
struct Forget<'a, S> {
    cache: &'a NearCache<S>,
    sid: SignInId,
}

impl<S> Drop for Forget<'_, S> {
    fn drop(&mut self) {
        self.cache.shared.copies.forget(&self.sid);
    }
}

struct ForgetSubject<'a, S> {
    cache: &'a NearCache<S>,
    subject: &'a str,
}

impl<S> Drop for ForgetSubject<'_, S> {
    fn drop(&mut self) {
        self.cache.shared.copies.forget_subject(self.subject);
    }
}

#[async_trait]
impl<S: Store> Store for NearCache<S> {
    forward_store!(self => self.shared.store, except: [
        peek, watch, load, create, update, rotate, touch, delete, delete_if_version,
        delete_if_idle, revoke, revoke_others, revoke_subject, update_subject,
    ]);

    fn peek(&self, sid: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        match self.shared.believed(sid) {
            Some(copied) => {
                self.shared.counts.hit(sid);
                see(Peek::Cached(&copied.record));
            }
            None => see(Peek::Miss),
        }
    }

    /// Hears what others announce, while the node proves that it does.
    fn watch(&self, sid: &SignInId) -> Option<Watch> {
        let shared = &*self.shared;
        let watch = shared.watchers.watch(sid); // before the look: whoever drops the lease wakes it
        match &shared.trust {
            Trust::Heard(lease) if lease.holds(shared.clock.monotonic()) => Some(watch),
            Trust::Heard(_) | Trust::Aged(_) => shared.store.watch(sid),
        }
    }

    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        let shared = &*self.shared;
        shared.counts.miss();
        let (ticket, at) = (shared.copies.ticket(sid), shared.clock.monotonic());
        let loaded = shared.store.load(sid).await?;
        match &loaded {
            Some(record) => shared.copies.fill(ticket, record, at),
            None => shared.copies.forget(sid),
        }
        Ok(loaded)
    }

    /// A limit may have ended other sign-ins of the subject.
    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let subject = record.subject.clone();
        let created = self.shared.store.create(record, limit).await;
        if let Some(subject) = subject.filter(|_| limit.is_some()) {
            self.shared.copies.forget_subject(&subject);
        }
        created
    }

    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        self.writing(sid, self.shared.store.update(sid, version, data)).await
    }

    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        self.writing(sid, self.shared.store.rotate(sid, from, rotation)).await
    }

    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        if let Some(copied) = self.shared.copies.get(sid) {
            copied.record.touch(at);
        }
        self.shared.store.touch(sid, at).await
    }

    async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
        self.writing(sid, self.shared.store.delete(sid)).await
    }

    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        self.writing(sid, self.shared.store.delete_if_version(sid, version)).await
    }

    async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        self.writing(sid, self.shared.store.delete_if_idle(sid, last_seen)).await
    }

    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        self.writing(sid, self.shared.store.revoke(subject, sid)).await
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError> {
        self.writing_all(subject, self.shared.store.revoke_others(subject, keep)).await
    }

    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        self.writing_all(subject, self.shared.store.revoke_subject(subject)).await
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        self.writing_all(subject, self.shared.store.update_subject(subject, principal)).await
    }
}
