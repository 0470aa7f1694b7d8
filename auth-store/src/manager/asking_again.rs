//! A wrapper that repeats calls of a store while it is contended.
//!
//! The manager and the conformance suite use it, so that no other code has to handle
//! [`Contended`](StoreErrorKind::Contended).

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use super::contention::Backoff;
use crate::data::SessionData;
use crate::error::{StoreError, StoreErrorKind};
use crate::forward_store;
use crate::record::{Record, Rotation};
use crate::secret::{Digest, Secret, SecretKind};
use crate::store::{
    CompareAndSwap, Created, Deleted, EachRecord, SecretLookup, SignInLimit, Store, Swept,
};

/// Repeats a call of a store while it returns [`Contended`](StoreErrorKind::Contended), for up to three
/// seconds.
pub(crate) struct AskingAgain(pub(crate) Arc<dyn Store>);

/// Evaluates a call until its result is another one than contended.
macro_rules! again {
    ($call:expr) => {{
        let mut backoff: Option<Backoff> = None;
        loop {
            match $call.await {
                Err(error) if error.kind() == StoreErrorKind::Contended => {
                    if backoff.get_or_insert_with(Backoff::new).pause().await.is_err() {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
    }};
}

type Loaded = Result<Option<Arc<Record>>, StoreError>;
type Listed = Result<Vec<Arc<Record>>, StoreError>;
type Swapped = Result<CompareAndSwap, StoreError>;
type Lookup = Result<SecretLookup, StoreError>;
type Counted = Result<usize, StoreError>;

#[async_trait]
impl Store for AskingAgain {
    forward_store!(self => self.0, except: [
        load, find, create, update, rotate, touch, delete, delete_if_version,
        delete_if_idle, list, list_each, revoke, revoke_others, revoke_subject, update_subject,
        swap_principal, sweep,
    ]);

    async fn load(&self, id: &SignInId) -> Loaded {
        again!(self.0.load(id))
    }

    async fn find(&self, secret: &Secret, kind: SecretKind, now: Timestamp) -> Lookup {
        again!(self.0.find(secret, kind, now))
    }

    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        again!(self.0.create(record.clone(), limit))
    }

    async fn update(&self, id: &SignInId, version: u64, data: SessionData) -> Swapped {
        again!(self.0.update(id, version, data.clone()))
    }

    async fn rotate(&self, id: &SignInId, from: &Digest, rotation: Rotation) -> Swapped {
        again!(self.0.rotate(id, from, rotation.clone()))
    }

    async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        again!(self.0.touch(id, at))
    }

    async fn delete(&self, id: &SignInId) -> Result<bool, StoreError> {
        again!(self.0.delete(id))
    }

    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Result<Deleted, StoreError> {
        again!(self.0.delete_if_version(id, version))
    }

    async fn delete_if_idle(&self, id: &SignInId, seen: Timestamp) -> Result<bool, StoreError> {
        again!(self.0.delete_if_idle(id, seen))
    }

    async fn list(&self, subject: &str) -> Listed {
        again!(self.0.list(subject))
    }

    async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
        again!(self.0.list_each(subject))
    }

    async fn revoke(&self, subject: &str, id: &SignInId) -> Result<bool, StoreError> {
        again!(self.0.revoke(subject, id))
    }

    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Counted {
        again!(self.0.revoke_others(subject, keep))
    }

    async fn revoke_subject(&self, subject: &str) -> Counted {
        again!(self.0.revoke_subject(subject))
    }

    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Counted {
        again!(self.0.update_subject(subject, principal))
    }

    async fn swap_principal(&self, subject: &str, from: &[u8], to: &[u8]) -> Counted {
        again!(self.0.swap_principal(subject, from, to))
    }

    async fn sweep(&self, now: Timestamp, max: usize) -> Result<Swept, StoreError> {
        again!(self.0.sweep(now, max))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::data::Change;
    use auth_core::Lifetime;

    use crate::lifetime::Deadlines;
    use crate::manager::SignInManager;
    use crate::stores::MemoryStore;

    /// A store that is contended this many times.
    struct Busy(MemoryStore, AtomicU32);

    #[async_trait]
    impl Store for Busy {
        forward_store!(self => self.0, around: contended);
    }

    impl Busy {
        async fn contended<T>(
            &self,
            _: &'static str,
            call: impl Future<Output = Result<T, StoreError>>,
        ) -> Result<T, StoreError> {
            let left = |left: u32| left.checked_sub(1);
            match self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left) {
                Ok(_) => Err(StoreError::contended("another transaction")),
                Err(_) => call.await,
            }
        }
    }

    fn busy(times: u32) -> AskingAgain {
        AskingAgain(Arc::new(Busy(MemoryStore::new(), times.into())))
    }

    #[tokio::test(start_paused = true)]
    async fn a_contended_store_is_asked_again() {
        let id = SignInId::from_bytes([1; 16]);
        assert!(busy(7).load(&id).await.unwrap().is_none());
        assert!(!busy(7).delete(&id).await.unwrap());
        assert_eq!(busy(7).revoke_subject("ada").await.unwrap(), 0);
    }

    /// The manager repeats this step itself, with newer data.
    #[tokio::test(start_paused = true)]
    async fn a_contended_change_of_data_is_made_again() {
        let (id, now) = (SignInId::from_bytes([1; 16]), auth_core::Clock::system().now());
        let digests = Secret::generate(id).unwrap().digests(SecretKind::Cookie);
        let deadlines = Deadlines::starting(Lifetime::AAL2, now);
        let record = Record::new(id, SecretKind::Cookie, digests, None, deadlines, now);
        let store = Arc::new(Busy(MemoryStore::new(), 0.into()));
        store.create(record, None).await.unwrap();
        let manager = SignInManager::new(Arc::clone(&store) as _);
        for times in [1, 7] {
            store.1.store(times, Ordering::SeqCst);
            let value: Arc<str> = times.to_string().into();
            manager.change(&id, &[Change::set("cart", Some(value.clone()))]).await.unwrap();
            let record = store.load(&id).await.unwrap().unwrap();
            assert_eq!(record.data.get("cart"), Some(&*value));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_stays_contended_is_given_up() {
        let error = busy(u32::MAX).list("ada").await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Contended);
    }
}
