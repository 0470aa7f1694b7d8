//! The removal of expired sign-ins, and of anonymous ones beyond their maximum.
//!
//! The column `due_at` holds a time before which a sign-in cannot have expired. A use of the sign-in
//! does not change it, because that would update an index on every request; instead, a sweep postpones
//! the rows that are due but not expired.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};

use super::dialect::{Dialect, Value};
use super::error::Failure;
use super::operations::{SqlInner, run_on};
use super::pool::PooledConnection;
use super::row::{expiry, sign_in_id};
use super::statements::BATCH;
use crate::error::StoreError;
use crate::record::columns::millis;
use crate::store::Swept;
use crate::stores::eviction::{COUNT, EvictionState, Evicts};

impl<D: Dialect> Evicts for SqlInner<D> {
    fn eviction(&self) -> &EvictionState {
        &self.eviction
    }

    async fn surplus_anonymous(self: &Arc<Self>) -> Result<u64, StoreError> {
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

    async fn evict_batch(self: &Arc<Self>, size: usize) -> Result<usize, StoreError> {
        run_on!(self, self.pool, |connection| self.evict_batch_on(connection, size))
    }
}

impl<D: Dialect> SqlInner<D> {
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
