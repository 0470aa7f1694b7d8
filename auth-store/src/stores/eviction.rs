//! When the stores in databases evict anonymous sign-ins beyond their maximum.
//!
//! New anonymous sign-ins trigger the eviction of others now and then, in a background task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use auth_core::Clock;

use crate::error::StoreError;

/// After how many new anonymous sign-ins a failed eviction is repeated.
const RETRY_AFTER: u64 = 64;

/// The time limit for counting anonymous sign-ins, which scans their index.
pub(super) const COUNT: Duration = Duration::from_secs(60);
/// The number of sign-ins that are evicted at once, so that no other operation waits for long.
const BATCH: usize = 64;

/// Decides when anonymous sign-ins are evicted.
#[derive(Default)]
pub(super) struct EvictionState {
    /// The number of anonymous sign-ins that this node created.
    created: AtomicU64,
    /// Whether anonymous sign-ins have to be evicted. Stays set until that succeeds.
    due: AtomicBool,
    running: AtomicBool,
}

/// A store that evicts anonymous sign-ins.
pub(super) trait Evicts: Send + Sync + 'static {
    fn eviction(&self) -> &EvictionState;

    /// Counts by how many the anonymous sign-ins exceed their maximum. May take up to [`COUNT`].
    fn surplus_anonymous(self: &Arc<Self>) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Deletes this many of the oldest anonymous sign-ins. Returns how many were deleted.
    fn evict_batch(
        self: &Arc<Self>,
        size: usize,
    ) -> impl Future<Output = Result<usize, StoreError>> + Send;
}

/// The permission to evict. Dropping it permits the next eviction, even after a panic.
struct EvictionGuard<S: Evicts>(Arc<S>);

impl<S: Evicts> Drop for EvictionGuard<S> {
    fn drop(&mut self) {
        self.0.eviction().running.store(false, Ordering::Release);
    }
}

/// Counts a new anonymous sign-in. Now and then, spawns a task that evicts; the sign-in does not wait for it.
pub(super) fn count_anonymous<S: Evicts>(store: &Arc<S>, max_anonymous: u64) {
    let state = store.eviction();
    let created = state.created.fetch_add(1, Ordering::Relaxed) + 1;
    let counts = created.is_multiple_of((max_anonymous / 64).clamp(1, 4096));
    if counts {
        state.due.store(true, Ordering::Release);
    }
    let starts = counts || created.is_multiple_of(RETRY_AFTER);
    if starts && state.due.load(Ordering::Acquire) && !state.running.swap(true, Ordering::AcqRel) {
        let guard = EvictionGuard(Arc::clone(store));
        tokio::spawn(async move { evict_while_due(&guard.0).await });
    }
}

/// Evicts until that is not due any more. A failed eviction remains due.
async fn evict_while_due<S: Evicts>(store: &Arc<S>) {
    let state = store.eviction();
    while state.due.swap(false, Ordering::AcqRel) {
        if let Err(error) = evict(store).await {
            state.due.store(true, Ordering::Release);
            if let Some(suppressed) = Clock::system().admit_event("eviction failed") {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, suppressed, "eviction of anonymous sign-ins failed");
            }
            return;
        }
    }
}

/// Deletes the oldest anonymous sign-ins beyond the maximum.
async fn evict<S: Evicts>(store: &Arc<S>) -> Result<(), StoreError> {
    let mut surplus = store.surplus_anonymous().await?;
    while surplus > 0 {
        let size = usize::try_from(surplus).unwrap_or(BATCH).min(BATCH);
        let evicted = store.evict_batch(size).await?;
        if evicted == 0 {
            return Ok(());
        }
        surplus = surplus.saturating_sub(u64::try_from(evicted).unwrap_or(u64::MAX));
    }
    Ok(())
}
