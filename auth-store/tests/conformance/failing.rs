//! Stores whose backend is down.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{
    CompareAndSwap, Created, Deleted, EachRecord, Peek, Record, Store, StoreError, StoreErrorKind,
    Swept, conformance, forward_store,
};

use crate::plain::{Plain, See};

/// A store without its backend; `A` decides what it answers.
#[derive(Default)]
struct Down<A> {
    never_called: Plain,
    answers: A,
}

/// What a store answers without its backend.
trait Answers: Default + Send + Sync + 'static {
    fn answer<T>(&self, if_gone: T) -> Result<T, StoreError>;
}

/// Reports the failure.
#[derive(Default)]
struct Honest;
impl Answers for Honest {
    fn answer<T>(&self, _: T) -> Result<T, StoreError> {
        Err(StoreError::unavailable("connection refused"))
    }
}

/// Answers as if the sign-in were gone.
#[derive(Default)]
struct ReportsGone;
impl Answers for ReportsGone {
    fn answer<T>(&self, if_gone: T) -> Result<T, StoreError> {
        Ok(if_gone)
    }
}

/// Reports another kind of failure.
#[derive(Default)]
struct ReportsInvalid;
impl Answers for ReportsInvalid {
    fn answer<T>(&self, _: T) -> Result<T, StoreError> {
        Err(StoreError::new(StoreErrorKind::Invalid, "connection refused"))
    }
}

/// What a method answers if there is no sign-in.
trait IfGone: Send {
    const IF_GONE: Self;
}

macro_rules! if_gone {
    ($($answer:ty = $value:expr;)*) => {
        $(impl IfGone for $answer {
            const IF_GONE: Self = $value;
        })*
    };
}

if_gone! {
    () = ();
    bool = false;
    usize = 0;
    Swept = Swept { removed: 0, more: false };
    Created = Created::LimitReached;
    CompareAndSwap = CompareAndSwap::NotFound;
    Deleted = Deleted::NotFound;
    Option<Arc<Record>> = None;
    Vec<Arc<Record>> = Vec::new();
    EachRecord = Vec::new();
}

impl<A: Answers> Down<A> {
    async fn instead<T: IfGone>(
        &self,
        _: &'static str,
        _: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.answers.answer(T::IF_GONE)
    }
}

#[async_trait]
impl<A: Answers> Store for Down<A> {
    forward_store!(self => self.never_called, around: instead, except: [peek, find]);

    fn peek(&self, _: &SignInId, see: See<'_>) {
        see(self.answers.answer(None).map_or(Peek::Miss, Peek::Authoritative));
    }
}

#[tokio::test]
async fn sec_76_a_store_that_reports_its_failure_passes() {
    conformance::check_failing(Down::<Honest>::default()).await.assert_passed();
}

#[tokio::test]
async fn sec_76_answering_gone_without_a_backend_is_caught() {
    let report = conformance::check_failing(Down::<ReportsGone>::default()).await;
    assert_eq!(report.failures().len(), report.checked(), "{report}");
    assert_eq!(report.checked(), 15, "one for each operation");
}

#[tokio::test]
async fn sec_76_reporting_another_kind_of_failure_is_caught() {
    let report = conformance::check_failing(Down::<ReportsInvalid>::default()).await;
    let failures: Vec<_> = report.failures().map(|(check, _)| check).collect();
    assert_eq!(failures.len(), 14, "all that can fail: {failures:?}");
}

#[tokio::test]
async fn sec_79_a_store_that_is_up_fails_the_checks_for_one_that_is_down() {
    let store: Arc<dyn Store> = Arc::new(Plain::default());
    let report = conformance::check_failing(store).await;
    assert_eq!(report.failures().len(), 14, "all but peek: {report}");
}
