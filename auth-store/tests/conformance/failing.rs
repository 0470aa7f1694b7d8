//! Stores whose backend is down.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};
use auth_store::{
    CompareAndSwap, Created, Deleted, Digest, Peek, Record, Rotation, SessionData, SignInLimit,
    Store, StoreError, StoreErrorKind, conformance,
};

use crate::fault::{Count, Creation, Deletion, Ended, Listed, Loaded, See, Swapped, Touched};
use crate::plain::Plain;

/// A backend that answers nothing; what the store makes of that is `A`.
struct Down<A>(A);

/// What a store answers without its backend.
trait Answers: Send + Sync + 'static {
    fn say<T>(&self, as_if_gone: T) -> Result<T, StoreError>;
}

/// The truth.
struct Honest;
impl Answers for Honest {
    fn say<T>(&self, _: T) -> Result<T, StoreError> {
        Err(StoreError::unavailable("connection refused"))
    }
}

/// Takes no answer for "there is none".
struct TakesItForGone;
impl Answers for TakesItForGone {
    fn say<T>(&self, as_if_gone: T) -> Result<T, StoreError> {
        Ok(as_if_gone)
    }
}

/// Takes no answer for something else that went wrong.
struct CallsItInvalid;
impl Answers for CallsItInvalid {
    fn say<T>(&self, _: T) -> Result<T, StoreError> {
        Err(StoreError::new(StoreErrorKind::Invalid, "connection refused"))
    }
}

#[async_trait]
impl<A: Answers> Store for Down<A> {
    fn peek(&self, _: &SignInId, see: See<'_>) {
        see(self.0.say(None).map_or(Peek::Miss, Peek::Authoritative));
    }
    async fn load(&self, _: &SignInId) -> Loaded {
        self.0.say(None)
    }
    async fn create(&self, _: Record, _: Option<SignInLimit>) -> Creation {
        self.0.say(Created::LimitReached)
    }
    async fn update(&self, _: &SignInId, _: u64, _: SessionData) -> Swapped {
        self.0.say(CompareAndSwap::NotFound)
    }
    async fn rotate(&self, _: &SignInId, _: &Digest, _: Rotation) -> Swapped {
        self.0.say(CompareAndSwap::NotFound)
    }
    async fn touch(&self, _: &SignInId, _: Timestamp) -> Touched {
        self.0.say(())
    }
    async fn delete(&self, _: &SignInId) -> Ended {
        self.0.say(false)
    }
    async fn delete_if_version(&self, _: &SignInId, _: u64) -> Deletion {
        self.0.say(Deleted::NotFound)
    }
    async fn delete_if_idle(&self, _: &SignInId, _: Timestamp) -> Ended {
        self.0.say(false)
    }
    async fn list(&self, _: &str) -> Listed {
        self.0.say(Vec::new())
    }
    async fn revoke(&self, _: &str, _: &SignInId) -> Ended {
        self.0.say(false)
    }
    async fn revoke_others(&self, _: &str, _: &SignInId) -> Count {
        self.0.say(0)
    }
    async fn revoke_subject(&self, _: &str) -> Count {
        self.0.say(0)
    }
    async fn update_subject(&self, _: &str, _: &[u8]) -> Count {
        self.0.say(0)
    }
    async fn sweep(&self, _: Timestamp, _: usize) -> Count {
        self.0.say(0)
    }
}

#[tokio::test]
async fn sec_76_a_store_that_says_it_is_down_passes() {
    conformance::check_failing(Down(Honest)).await.assert_passed();
}

#[tokio::test]
async fn sec_76_each_answer_of_gone_without_a_backend_is_caught() {
    let report = conformance::check_failing(Down(TakesItForGone)).await;
    assert_eq!(report.failures().len(), report.checked(), "{report}");
    assert_eq!(report.checked(), 15, "one for each operation");
}

#[tokio::test]
async fn sec_76_a_down_store_that_calls_it_something_else_is_caught() {
    let report = conformance::check_failing(Down(CallsItInvalid)).await;
    let failures: Vec<_> = report.failures().map(|(check, _)| check).collect();
    assert_eq!(failures.len(), 14, "all that can fail: {failures:?}");
}

#[tokio::test]
async fn sec_79_a_store_that_is_up_does_not_pass_for_one_that_is_down() {
    let store: Arc<dyn Store> = Arc::new(Plain::default());
    let report = conformance::check_failing(store).await;
    assert_eq!(report.failures().len(), 14, "all but peek: {report}");
}
