//! Creating: a limit, a key.

use auth_core::SignInId;
use sqlx::Error;

use super::dialect::Dialect;
use super::failure::Failure;
use super::pool::PooledConnection;
use super::row::{Parts, age, millis, subject_key, values};
use super::shared::SqlInner;
use super::statement::Statement;
use super::statements::BATCH;
use super::value::Value;
use crate::error::StoreError;
use crate::record::Record;
use crate::store::{Created, OverflowPolicy, SignInLimit};

impl<D: Dialect> SqlInner<D> {
    pub(super) async fn create(
        &self,
        new: &Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        self.step(|| async move {
            let mut line = self.pool.line().await?;
            let created = match new.subject.as_deref() {
                Some(subject) if limit.is_some() || D::LOCKS_ALWAYS => {
                    self.create_of(&mut line, new, subject, limit).await
                }
                _ => self.insert(&mut line, new).await.map(|()| Created::Stored { evicted: 0 }),
            };
            line.settle(created).await
        })
        .await
    }

    async fn create_of(
        &self,
        line: &mut PooledConnection<'_, D>,
        new: &Record,
        subject: &str,
        limit: Option<SignInLimit>,
    ) -> Result<Created, Failure> {
        let key = subject_key(subject);
        line.begin(D::lock(key)).await?;
        let Some(limit) = limit else {
            self.insert(line, new).await?;
            line.commit().await?;
            return Ok(Created::Stored { evicted: 0 });
        };
        let subject = [Value::Int(Some(key)), Value::Bytes(Some(subject.as_bytes()))];
        let rows = line.fetch(&self.statements.ages, &subject).await?;
        let ages = rows.iter().map(|row| age::<D>(row, new.created_at));
        let (over, mut surplus) = apart(ages.collect::<Result<_, _>>()?, limit);
        if !surplus.is_empty() && limit.when_full == OverflowPolicy::Reject {
            // A taken key is an error whatever the limit says.
            return match self.look(line, &new.sid).await? {
                Some(_) => Err(Failure::Taken),
                None => Ok(Created::LimitReached),
            };
        }
        // First of all: a key that is taken may be that of one that would go.
        self.insert(line, new).await?;
        surplus.sort_unstable();
        let evicted = self.batched(line, &self.statements.delete_many, &[], &surplus).await?;
        // These wait for nobody, so that they can come after others in any order.
        let now = [Value::Int(Some(millis(new.created_at)))];
        self.batched(line, &self.statements.collect, &now, &over).await?;
        line.commit().await?;
        Ok(Created::Stored { evicted })
    }

    async fn insert(
        &self,
        line: &mut PooledConnection<'_, D>,
        new: &Record,
    ) -> Result<(), Failure> {
        let parts = Parts::of(new);
        match line.execute(&self.statements.insert, &values(new, &parts)).await {
            Ok(0) => Err(Failure::Taken),
            Err(Failure::Database(Error::Database(error))) if error.is_unique_violation() => {
                Err(Failure::Taken)
            }
            other => other.map(|_| ()),
        }
    }

    /// Executes a statement that takes ids after these values, as often as it takes for all of
    /// them, and says how many sign-ins it changed.
    pub(super) async fn batched(
        &self,
        line: &mut PooledConnection<'_, D>,
        statement: &Statement,
        before: &[Value<'_>],
        sids: &[SignInId],
    ) -> Result<usize, Failure> {
        let mut changed = 0;
        for batch in sids.chunks(BATCH) {
            let mut values = before.to_vec();
            // The last one again and again: the statement has as many places as a batch may have.
            let rest = batch.last().into_iter().cycle();
            let padded = batch.iter().chain(rest).take(BATCH);
            values.extend(padded.map(|sid| Value::Bytes(Some(sid.as_bytes()))));
            changed += line.execute(statement, &values).await?;
        }
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }
}

/// Which sign-ins of a subject have expired, and which of the living have to go before there is one
/// more. They are ordered by age, the oldest first.
fn apart(ages: Vec<(SignInId, bool)>, limit: SignInLimit) -> (Vec<SignInId>, Vec<SignInId>) {
    let (over, living): (Vec<_>, Vec<_>) = ages.into_iter().partition(|(_, over)| *over);
    let most = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
    let surplus = (living.len() + 1).saturating_sub(most);
    let sid = |(sid, _)| sid;
    (over.into_iter().map(sid).collect(), living.into_iter().take(surplus).map(sid).collect())
}
