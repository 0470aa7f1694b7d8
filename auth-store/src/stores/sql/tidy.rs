//! Tidying up while new sign-ins arrive, so that nobody has to think of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use auth_core::Timestamp;

use super::dialect::Dialect;
use super::shared::Shared;
use crate::error::StoreError;

/// After so many new sign-ins of this node, as many and more that have expired are collected.
const EVERY: u64 = 64;
/// How many at most.
const MOST: usize = 256;

impl<D: Dialect> Shared<D> {
    /// Notes a new sign-in. Now and then a task of its own collects what has expired, and holds
    /// anonymous sign-ins to their quota: the new one does not wait for it.
    pub(super) fn note_created(self: &Arc<Self>, now: Timestamp, anonymous: bool) {
        let sweep = (self.created.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(EVERY);
        let evict = anonymous && {
            let created = self.created_anonymous.fetch_add(1, Ordering::Relaxed) + 1;
            created.is_multiple_of((self.anonymous / 64).clamp(1, 4096))
        };
        if (sweep || evict) && !self.tidying.swap(true, Ordering::AcqRel) {
            let shared = Arc::clone(self);
            tokio::spawn(async move {
                let tidied = shared.tidy(now, evict).await;
                shared.tidying.store(false, Ordering::Release);
                if let Err(error) = tidied {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "what has expired was not collected");
                }
            });
        }
    }

    async fn tidy(&self, now: Timestamp, evict: bool) -> Result<(), StoreError> {
        self.sweep(now, MOST).await?;
        if evict {
            self.evict_anonymous().await?;
        }
        Ok(())
    }
}
