//! The removal of expired sign-ins, and of anonymous ones beyond their maximum.
//!
//! The column `due_at` holds a time before which a sign-in cannot have expired. A use of the sign-in
//! does not change it, because that would update an index on every request; instead, a sweep postpones
//! the rows that are due but not expired. New anonymous sign-ins trigger the eviction of others now and
//! then, in a background task.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use auth_core::{Clock, SignInId, Timestamp};

use super::dialect::{Dialect, Value};
use super::error::Failure;
use super::operations::{SqlInner, run_on};
use super::pool::PooledConnection;
use super::row::{expiry, millis, sign_in_id};
use super::statements::BATCH;
use crate::error::StoreError;
use crate::store::Swept;

/// After how many new anonymous sign-ins a failed eviction is repeated.
const RETRY_AFTER: u64 = 64;
/// The time limit for counting anonymous sign-ins, which scans their index.
const COUNT: Duration = Duration::from_secs(60);

/// Decides when anonymous sign-ins are evicted.
#[derive(Default)]
pub(super) struct EvictionState {
    /// The number of anonymous sign-ins that this node created.
    created: AtomicU64,
    /// Whether anonymous sign-ins have to be evicted. Stays set until that succeeds.
    due: AtomicBool,
    running: AtomicBool,
}

/// The permission to evict. Dropping it permits the next eviction, even after a panic.
struct EvictionGuard<D: Dialect>(Arc<SqlInner<D>>);

impl<D: Dialect> Drop for EvictionGuard<D> {
    fn drop(&mut self) {
        self.0.eviction.running.store(false, Ordering::Release);
    }
}

impl<D: Dialect> SqlInner<D> {
    /// Counts a new anonymous sign-in. Now and then, spawns a task that evicts; the sign-in does not wait
    /// for it.
    pub(super) fn count_anonymous(self: &Arc<Self>) {
        let state = &self.eviction;
        let created = state.created.fetch_add(1, Ordering::Relaxed) + 1;
        let counts = created.is_multiple_of((self.max_anonymous / 64).clamp(1, 4096));
        if counts {
            state.due.store(true, Ordering::Release);
        }
        let starts = counts || created.is_multiple_of(RETRY_AFTER);
        if starts
            && state.due.load(Ordering::Acquire)
            && !state.running.swap(true, Ordering::AcqRel)
        {
            let guard = EvictionGuard(Arc::clone(self));
            tokio::spawn(async move { guard.0.evict_while_due().await });
        }
    }

    /// Evicts until that is not due any more. A failed eviction remains due.
    async fn evict_while_due(&self) {
        while self.eviction.due.swap(false, Ordering::AcqRel) {
            if let Err(error) = self.evict_anonymous().await {
                self.eviction.due.store(true, Ordering::Release);
                if let Some(suppressed) = Clock::system().admit_event("eviction failed") {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, suppressed, "eviction of anonymous sign-ins failed");
                }
                return;
            }
        }
    }

    /// Deletes expired sign-ins in small batches, so that no other operation waits for long.
    pub(super) async fn sweep(&self, now: Timestamp, max: usize) -> Result<Swept, StoreError> {
        let mut removed = 0;
        // A batch deletes nothing if all of its sign-ins were used meanwhile, hence a few more.
        let mut batches = max.div_ceil(BATCH) + 8;
        while removed < max && batches > 0 {
            let size = (max - removed).min(BATCH);
            let batch = self.sweep_batch(now, size).await?;
            removed += batch.deleted;
            batches -= 1;
            if batch.examined < size {
                return Ok(Swept { removed, more: false });
            }
        }
        if max == 0 {
            self.sweep_batch(now, 0).await?;
        }
        Ok(Swept { removed, more: true })
    }

    async fn sweep_batch(&self, now: Timestamp, size: usize) -> Result<SweptBatch, StoreError> {
        run_on!(self, self.pool, |connection| self.sweep_batch_on(connection, now, size))
    }

    /// The statements that delete and postpone check the expiry again, because the sign-ins may have
    /// been used since they were selected.
    async fn sweep_batch_on(
        &self,
        connection: &mut PooledConnection<'_, D>,
        now: Timestamp,
        size: usize,
    ) -> Result<SweptBatch, Failure> {
        let at = Value::int(millis(now));
        let due = connection.fetch(&self.statements.due, &[at, row_limit(size)]).await?;
        let expiries: Vec<_> =
            due.iter().map(|row| expiry::<D>(row, now)).collect::<Result<_, _>>()?;
        let select = |wanted| -> Vec<SignInId> {
            expiries.iter().filter(|(_, expired)| *expired == wanted).map(|(id, _)| *id).collect()
        };
        let delete = &self.statements.delete_expired;
        let deleted = self.execute_batches(connection, delete, &[at], &select(true)).await?;
        let postpone = &self.statements.postpone;
        self.execute_batches(connection, postpone, &[at], &select(false)).await?;
        Ok(SweptBatch { examined: due.len(), deleted })
    }

    /// Deletes the oldest anonymous sign-ins beyond the maximum.
    async fn evict_anonymous(&self) -> Result<(), StoreError> {
        let mut surplus = self.surplus_anonymous().await?;
        while surplus > 0 {
            let size = usize::try_from(surplus).unwrap_or(BATCH).min(BATCH);
            let evicted =
                run_on!(self, self.pool, |connection| self.evict_batch_on(connection, size))?;
            if evicted == 0 {
                return Ok(());
            }
            surplus = surplus.saturating_sub(u64::try_from(evicted).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    async fn surplus_anonymous(&self) -> Result<u64, StoreError> {
        let rows = self
            .run_within(self.timeout.max(COUNT), || async move {
                let mut connection = self.reader_pool().get().await?;
                let rows = self.count_anonymous_on(&mut connection).await;
                connection.finish(rows).await
            })
            .await?;
        let counted = rows.first().map_or(Ok(0), |row| D::int(row, 0)).map_err(Failure::from)?;
        Ok(u64::try_from(counted).unwrap_or(0).saturating_sub(self.max_anonymous))
    }

    /// Uses a transaction of its own, because the session's statement timeout is too short.
    async fn count_anonymous_on(
        &self,
        connection: &mut PooledConnection<'_, D>,
    ) -> Result<Vec<D::Row>, Failure> {
        connection.begin_read_only(self.timeout.max(COUNT)).await?;
        let rows = connection.fetch(&self.statements.count_anonymous, &[]).await?;
        connection.commit().await?;
        Ok(rows)
    }

    async fn evict_batch_on(
        &self,
        connection: &mut PooledConnection<'_, D>,
        size: usize,
    ) -> Result<usize, Failure> {
        let rows = connection.fetch(&self.statements.oldest_anonymous, &[row_limit(size)]).await?;
        let oldest: Vec<_> =
            rows.iter().map(|row| sign_in_id::<D>(row, 0)).collect::<Result<_, _>>()?;
        self.execute_batches(connection, &self.statements.delete_anonymous, &[], &oldest).await
    }
}

struct SweptBatch {
    /// The number of sign-ins that were due.
    examined: usize,
    /// The number of those that had expired.
    deleted: usize,
}

fn row_limit<'a>(size: usize) -> Value<'a> {
    Value::int(i64::try_from(size).unwrap_or(i64::MAX))
}
