//! What every step uses.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::dialect::Dialect;
use super::failure::Failure;
use super::pool::{Pool, PooledConnection};
use super::statement::Statement;
use super::statements::Statements;
use super::tidying::Tidying;
use super::value::Value;
use crate::error::StoreError;

/// How often a step is tried again when another was in its way.
const RETRIES: u32 = 20;

/// The connections and the statements.
pub(super) struct SqlInner<D: Dialect> {
    pub(super) pool: Pool<D>,
    /// For what only reads, if writers share one connection.
    pub(super) readers: Option<Pool<D>>,
    pub(super) statements: Statements,
    pub(super) timeout: Duration,
    /// About how many anonymous sign-ins there may be.
    pub(super) anonymous: u64,
    pub(super) tidying: Tidying,
}

impl<D: Dialect> SqlInner<D> {
    /// Takes a step, within the time that it may take. When another step was in its way the database
    /// has undone it: it is tried again.
    pub(super) async fn step<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        self.step_within(self.timeout, attempt).await
    }

    /// Takes a step that may take another time than usual.
    pub(super) async fn step_within<T, F>(
        &self,
        limit: Duration,
        attempt: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let by = Instant::now() + limit;
        let mut tries = 0;
        let attempts = async {
            loop {
                match attempt().await {
                    Err(failure) if tries < RETRIES && failure.is_conflict::<D>() => {
                        tries += 1;
                        sleep(pause(tries)).await;
                    }
                    result => return result,
                }
            }
        };
        let result = timeout_at(by, attempts).await;
        Ok(result.unwrap_or(Err(Failure::TimedOut(limit)))?)
    }

    /// A connection to read by.
    pub(super) fn reading(&self) -> &Pool<D> {
        self.readers.as_ref().unwrap_or(&self.pool)
    }
}

impl<D: Dialect> PooledConnection<'_, D> {
    pub(super) async fn fetch(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<D::Row>, Failure> {
        let values = statement.values(values);
        Ok(D::fetch(self.connection(), &statement.text, &values).await?)
    }

    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, Failure> {
        let values = statement.values(values);
        Ok(D::execute(self.connection(), &statement.text, &values).await?)
    }
}

/// Longer from time to time, and by chance, so that those who were in each other's way are not
/// again.
fn pause(tries: u32) -> Duration {
    let mut chance = [0; 2];
    // Without randomness it is as long for everybody.
    let _ = getrandom::fill(&mut chance);
    let most = 4_000_u64 << tries.min(4);
    Duration::from_micros(1000 + u64::from(u16::from_le_bytes(chance)) * most / 65_536)
}
