//! [`InstrumentedStore`], a wrapper that counts and times the calls of a store.
//!
//! The module documentation lists the metrics that it records.

use ::metrics::{counter, histogram};
use async_trait::async_trait;
use auth_core::Clock;

use super::recorder::{CALLS, DURATION};
use crate::error::{StoreError, StoreErrorKind};
use crate::forward_store;
#[cfg(feature = "near-cache")]
use crate::near_cache::{Announcements, AnnouncingStore, ChangeSource, Heartbeat};
use crate::store::Store;

/// Counts the calls of a store and measures their duration; see [`metrics`](crate::metrics). Calls of
/// [`peek`](Store::peek), which returns without waiting, are not counted.
#[derive(Clone, Debug)]
pub struct InstrumentedStore<S> {
    store: S,
    clock: Clock,
}

impl<S> InstrumentedStore<S> {
    /// Wraps a store.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self { store, clock: Clock::system() }
    }

    /// Sets the clock, whose [monotonic](Clock::monotonic) time measures durations. Defaults to the
    /// system clock.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Returns the wrapped store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Awaits a call and records it. A call that is cancelled is not recorded.
    async fn record<T>(
        &self,
        op: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let start = self.clock.monotonic();
        let result = call.await;
        let elapsed = self.clock.monotonic().saturating_sub(start);
        histogram!(DURATION, "op" => op).record(elapsed);
        counter!(CALLS, "op" => op, "outcome" => outcome(&result)).increment(1);
        result
    }
}

#[async_trait]
impl<S: Store> Store for InstrumentedStore<S> {
    forward_store!(self => self.store, around: record);
}

/// Announcements pass through, so that a near cache works in front of an instrumented store.
#[cfg(feature = "near-cache")]
#[async_trait]
impl<S: AnnouncingStore> AnnouncingStore for InstrumentedStore<S> {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        self.record("listen", self.store.listen()).await
    }

    async fn send_heartbeat(&self, heartbeat: Heartbeat) -> Result<Vec<ChangeSource>, StoreError> {
        self.record("beat", self.store.send_heartbeat(heartbeat)).await
    }
}

fn outcome<T>(result: &Result<T, StoreError>) -> &'static str {
    match result.as_ref().map_err(StoreError::kind) {
        Ok(_) => "ok",
        Err(StoreErrorKind::Unavailable) => "unavailable",
        Err(StoreErrorKind::DuplicateId) => "duplicate_id",
        Err(StoreErrorKind::Invalid) => "invalid",
        Err(StoreErrorKind::Contended) => "contended",
        Err(StoreErrorKind::OutOfBounds) => "out_of_bounds",
    }
}
