//! Collecting what has expired, and anonymous sign-ins beyond their quota.
//!
//! A row says until when it cannot have expired. That is not moved with every use, which would
//! change an index with every use: whoever sweeps moves it on when it has come.

use std::time::Duration;

use auth_core::{SignInId, Timestamp};

use super::dialect::Dialect;
use super::failure::Failure;
use super::pool::PooledConnection;
use super::row::{age, millis, sid};
use super::shared::SqlInner;
use super::statements::BATCH;
use super::value::Value;
use crate::error::StoreError;

/// How long counting may take, which looks at as many anonymous sign-ins as there are.
const COUNT: Duration = Duration::from_secs(60);

impl<D: Dialect> SqlInner<D> {
    /// A few at a time, each batch by itself, so that nobody waits for long.
    pub(super) async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        let mut collected = 0;
        // Those that were used since make batches from which nothing is collected.
        let mut batches = most.div_ceil(BATCH) + 8;
        while collected < most && batches > 0 {
            let size = (most - collected).min(BATCH);
            let (looked_at, taken) = self.sweep_batch(now, size).await?;
            collected += taken;
            batches -= 1;
            if looked_at < size {
                return Ok(collected);
            }
        }
        if most == 0 {
            self.sweep_batch(now, 0).await?;
        }
        Ok(collected)
    }

    /// How many were due, and how many of them had expired.
    async fn sweep_batch(&self, now: Timestamp, size: usize) -> Result<(usize, usize), StoreError> {
        self.step(|| async move {
            let mut line = self.pool.line().await?;
            let swept = self.sweep_on(&mut line, now, size).await;
            line.settle(swept).await
        })
        .await
    }

    /// What is found is looked at again by the statements that take it: it may have been used.
    async fn sweep_on(
        &self,
        line: &mut PooledConnection<'_, D>,
        now: Timestamp,
        size: usize,
    ) -> Result<(usize, usize), Failure> {
        let at = Value::Int(Some(millis(now)));
        let due = line.fetch(&self.statements.due, &[at, count(size)]).await?;
        let ages: Vec<_> = due.iter().map(|row| age::<D>(row, now)).collect::<Result<_, _>>()?;
        let which = |wanted| -> Vec<SignInId> {
            ages.iter().filter(|(_, over)| *over == wanted).map(|(sid, _)| *sid).collect()
        };
        let collected = self.batched(line, &self.statements.collect, &[at], &which(true)).await?;
        self.batched(line, &self.statements.postpone, &[at], &which(false)).await?;
        Ok((due.len(), collected))
    }

    /// Ends the oldest anonymous sign-ins beyond the quota.
    pub(super) async fn evict_anonymous(&self) -> Result<(), StoreError> {
        let mut surplus = self.surplus_anonymous().await?;
        while surplus > 0 {
            let size = usize::try_from(surplus).unwrap_or(BATCH).min(BATCH);
            let evicted = self
                .step(|| async move {
                    let mut line = self.pool.line().await?;
                    let evicted = self.evict_on(&mut line, size).await;
                    line.settle(evicted).await
                })
                .await?;
            if evicted == 0 {
                return Ok(());
            }
            surplus = surplus.saturating_sub(u64::try_from(evicted).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    async fn surplus_anonymous(&self) -> Result<u64, StoreError> {
        let rows = self
            .step_within(self.timeout.max(COUNT), || async move {
                let mut line = self.reading().line().await?;
                let rows = self.count_on(&mut line).await;
                line.settle(rows).await
            })
            .await?;
        let counted = rows.first().map_or(Ok(0), |row| D::int(row, 0)).map_err(Failure::from)?;
        Ok(u64::try_from(counted).unwrap_or(0).saturating_sub(self.anonymous))
    }

    /// What the server allows for a statement holds for this one no more than our own limit.
    async fn count_on(&self, line: &mut PooledConnection<'_, D>) -> Result<Vec<D::Row>, Failure> {
        line.begin_at_length(self.timeout.max(COUNT)).await?;
        let rows = line.fetch(&self.statements.count_anonymous, &[]).await?;
        line.commit().await?;
        Ok(rows)
    }

    async fn evict_on(
        &self,
        line: &mut PooledConnection<'_, D>,
        size: usize,
    ) -> Result<usize, Failure> {
        let rows = line.fetch(&self.statements.oldest_anonymous, &[count(size)]).await?;
        let oldest: Vec<_> = rows.iter().map(|row| sid::<D>(row, 0)).collect::<Result<_, _>>()?;
        self.batched(line, &self.statements.delete_many, &[], &oldest).await
    }
}

fn count<'a>(size: usize) -> Value<'a> {
    Value::Int(Some(i64::try_from(size).unwrap_or(i64::MAX)))
}
