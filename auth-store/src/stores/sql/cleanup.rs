//! The removal of expired sign-ins, and of anonymous ones beyond their maximum.
//!
//! New sign-ins trigger it now and then in a background task, so that applications need not schedule
//! it. The column `due_at` holds a time before which a sign-in cannot have expired. A use of the
//! sign-in does not change it, because that would update an index on every request; instead, a sweep
//! postpones the rows that are due but not expired.

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

/// The number of new sign-ins of this node between two sweeps.
const SWEEP_EVERY: u64 = 64;
/// The maximum number of sign-ins that a background sweep deletes.
const SWEEP_MAX: usize = 256;
/// The time limit for counting anonymous sign-ins, which scans their index.
const COUNT: Duration = Duration::from_secs(60);

/// Counters that decide when a cleanup is due.
#[derive(Default)]
pub(super) struct CleanupState {
    /// The number of sign-ins that this node created.
    created: AtomicU64,
    /// The number of anonymous ones among them.
    created_anonymous: AtomicU64,
    /// Whether anonymous sign-ins have to be evicted. Stays set until that succeeds.
    eviction_due: AtomicBool,
    running: AtomicBool,
}

/// The permission to run the cleanup. Dropping it permits the next one, even after a panic.
struct CleanupGuard<D: Dialect>(Arc<SqlInner<D>>);

impl<D: Dialect> Drop for CleanupGuard<D> {
    fn drop(&mut self) {
        self.0.cleanup.running.store(false, Ordering::Release);
    }
}

impl<D: Dialect> SqlInner<D> {
    /// Counts a new sign-in. Now and then, spawns a task that sweeps and evicts; the sign-in does not
    /// wait for it.
    pub(super) fn count_created(self: &Arc<Self>, now: Timestamp, anonymous: bool) {
        let state = &self.cleanup;
        let sweep = (state.created.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SWEEP_EVERY);
        let evict = anonymous && {
            let created = state.created_anonymous.fetch_add(1, Ordering::Relaxed) + 1;
            created.is_multiple_of((self.max_anonymous / 64).clamp(1, 4096))
        };
        if evict {
            state.eviction_due.store(true, Ordering::Release);
        }
        if (sweep || evict) && !state.running.swap(true, Ordering::AcqRel) {
            let guard = CleanupGuard(Arc::clone(self));
            tokio::spawn(async move {
                let inner = &guard.0;
                inner.evict_if_due().await;
                let swept = inner.sweep(now, SWEEP_MAX).await.map(|_| ());
                warn_on_error(swept, "sweep of expired sign-ins failed");
                // The eviction may have become due during the sweep.
                inner.evict_if_due().await;
            });
        }
    }

    /// Evicts if that is due. A failed eviction remains due.
    async fn evict_if_due(&self) {
        let due = &self.cleanup.eviction_due;
        if due.swap(false, Ordering::AcqRel) {
            let evicted = self.evict_anonymous().await;
            if evicted.is_err() {
                due.store(true, Ordering::Release);
            }
            warn_on_error(evicted, "eviction of anonymous sign-ins failed");
        }
    }

    /// Deletes expired sign-ins in small batches, so that no other operation waits for long.
    pub(super) async fn sweep(&self, now: Timestamp, max: usize) -> Result<usize, StoreError> {
        let mut deleted = 0;
        // A batch deletes nothing if all of its sign-ins were used meanwhile, hence a few more.
        let mut batches = max.div_ceil(BATCH) + 8;
        while deleted < max && batches > 0 {
            let size = (max - deleted).min(BATCH);
            let batch = self.sweep_batch(now, size).await?;
            deleted += batch.deleted;
            batches -= 1;
            if batch.examined < size {
                return Ok(deleted);
            }
        }
        if max == 0 {
            self.sweep_batch(now, 0).await?;
        }
        Ok(deleted)
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

fn warn_on_error(result: Result<(), StoreError>, message: &'static str) {
    if let Err(error) = result
        && let Some(suppressed) = Clock::system().admit_event(message)
    {
        tracing::warn!(error = &error as &dyn std::error::Error, suppressed, "{message}");
    }
}
