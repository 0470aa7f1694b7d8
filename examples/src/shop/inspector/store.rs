//! A store that records its calls, and that can stop answering one request.

use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use auth_store::{Peek, Store, StoreError, forward_store};
use tokio::time::Instant;

use super::recorder::{Call, Peeked, record, store_is_paused};

/// The store of the shop, with its near cache.
pub(super) struct ObservedStore(pub(super) Arc<dyn Store>);

#[async_trait]
impl Store for ObservedStore {
    forward_store!(self => self.0, around: observe, except: [peek]);

    fn peek(&self, id: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        if store_is_paused() {
            record(|records| records.peeks.push(Peeked::Miss));
            return see(Peek::Miss);
        }
        self.0.peek(id, &mut |found| {
            let miss = matches!(found, Peek::Miss);
            record(|records| records.peeks.push(if miss { Peeked::Miss } else { Peeked::Hit }));
            see(found);
        });
    }
}

impl ObservedStore {
    async fn observe<T>(
        &self,
        op: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let result = if store_is_paused() {
            Err(StoreError::unavailable("the request asked the inspector to pause the store"))
        } else {
            call.await
        };
        let error = result.as_ref().err().map(|error| format!("{:?}", error.kind()).to_lowercase());
        let micros = micros_since(started);
        record(|records| records.calls.push(Call { op, micros, error }));
        result
    }
}

pub(super) fn micros_since(started: Instant) -> u64 {
    started.elapsed().as_micros().try_into().unwrap_or(u64::MAX)
}
