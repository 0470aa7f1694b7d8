//! Tidying up while new sign-ins arrive, so that nobody has to think of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use auth_core::Timestamp;

use super::dialect::Dialect;
use super::shared::SqlInner;
use crate::error::StoreError;

/// After so many new sign-ins of this node, as many and more that have expired are collected.
const EVERY: u64 = 64;
/// How many at most.
const MOST: usize = 256;

/// Whoever tidies up. When it ends, in whatever way, the next may.
struct Turn<D: Dialect>(Arc<SqlInner<D>>);

impl<D: Dialect> Drop for Turn<D> {
    fn drop(&mut self) {
        self.0.tidying.under_way.store(false, Ordering::Release);
    }
}

impl<D: Dialect> SqlInner<D> {
    /// Notes a new sign-in. Now and then a task of its own collects what has expired, and holds
    /// anonymous sign-ins to their quota: the new one does not wait for it.
    pub(super) fn note_created(self: &Arc<Self>, now: Timestamp, anonymous: bool) {
        let tidying = &self.tidying;
        let sweep = (tidying.created.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(EVERY);
        let evict = anonymous && {
            let created = tidying.created_anonymous.fetch_add(1, Ordering::Relaxed) + 1;
            created.is_multiple_of((self.anonymous / 64).clamp(1, 4096))
        };
        if evict {
            tidying.eviction_due.store(true, Ordering::Release);
        }
        if (sweep || evict) && !tidying.under_way.swap(true, Ordering::AcqRel) {
            let state = Turn(Arc::clone(self));
            tokio::spawn(async move {
                let shared = &state.0;
                shared.hold_to_quota().await;
                report(
                    shared.sweep(now, MOST).await.map(|_| ()),
                    "what has expired was not collected",
                );
                // It may have come to be due meanwhile.
                shared.hold_to_quota().await;
            });
        }
    }

    /// Evicts if that is due, and leaves it due if it fails.
    async fn hold_to_quota(&self) {
        let due = &self.tidying.eviction_due;
        if due.swap(false, Ordering::AcqRel) {
            let evicted = self.evict_anonymous().await;
            if evicted.is_err() {
                due.store(true, Ordering::Release);
            }
            report(evicted, "anonymous sign-ins were not held to their quota");
        }
    }
}

fn report(result: Result<(), StoreError>, what: &'static str) {
    if let Err(error) = result {
        tracing::warn!(error = &error as &dyn std::error::Error, "{what}");
    }
}
