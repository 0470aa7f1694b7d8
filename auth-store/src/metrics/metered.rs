//! A store whose calls are counted.

use ::metrics::{counter, histogram};
use async_trait::async_trait;
use auth_core::Clock;

use super::names::{CALLS, DURATION};
use crate::error::{StoreError, StoreErrorKind};
use crate::forward_store;
use crate::store::Store;

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
    forward_store!(self => self.store, around: count);
}
