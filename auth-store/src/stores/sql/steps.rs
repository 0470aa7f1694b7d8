//! The steps about one sign-in.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};

use super::dialect::Dialect;
use super::failure::Failure;
use super::pool::PooledConnection;
use super::row::{due_at, millis, record, version};
use super::shared::SqlInner;
use super::statement::Statement;
use super::value::Value;
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{Reauthentication, Record, Rotation};
use crate::secret::Digest;
use crate::store::{CompareAndSwap, Deleted};
use crate::stores::encoding;

impl<D: Dialect> SqlInner<D> {
    pub(super) async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError> {
        self.step(|| async move {
            let mut line = self.reading().line().await?;
            let found = self.look(&mut line, sid).await;
            line.settle(found).await
        })
        .await
    }

    pub(super) async fn update(
        &self,
        sid: &SignInId,
        expected: u64,
        data: &SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let data = encoding::data(data);
        let values = [id(sid), Value::Int(Some(version(expected))), Value::Bytes(Some(&data))];
        self.swap(sid, &self.statements.update, &values).await
    }

    pub(super) async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: &Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let Rotation { kind, digests, grace, renewal } = rotation;
        let int = |number| Value::Int(Some(number));
        let details = renewal.as_ref().and_then(|renewal| renewal.details.as_deref());
        let details = details.map(encoding::details);
        // A grace is one of the details.
        let details = details.or(grace.map(|_| Vec::new()));
        let grace = encoding::grace(grace.as_ref());
        let mut values = vec![
            id(sid),
            Value::Bytes(Some(&from.0)),
            int(i64::from(*kind as u8)),
            Value::Bytes(Some(&digests.family.0)),
            Value::Bytes(Some(&digests.current.0)),
            Value::Bytes(Some(&grace)),
            Value::Bytes(details.as_deref()),
        ];
        let Some(Reauthentication { at, limits, persistence, principal, details: _ }) = renewal
        else {
            return self.swap(sid, &self.statements.rotate, &values).await;
        };
        values.extend([
            Value::Bytes(Some(principal)),
            int(i64::from(encoding::persistence(*persistence))),
            int(millis(*at)),
            int(i64::from(limits.idle_secs)),
            int(millis(limits.ends_at)),
            // It may have been used later, and is looked at once more then.
            int(due_at(*limits, *at)),
        ]);
        self.swap(sid, &self.statements.renew, &values).await
    }

    /// A statement that changes a sign-in if it is as expected. Otherwise one more tells how it is.
    async fn swap(
        &self,
        sid: &SignInId,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<CompareAndSwap, StoreError> {
        self.step(|| async move {
            let mut line = self.pool.line().await?;
            let swapped = self.swapped(&mut line, sid, statement, values).await;
            line.settle(swapped).await
        })
        .await
    }

    async fn swapped(
        &self,
        line: &mut PooledConnection<'_, D>,
        sid: &SignInId,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<CompareAndSwap, Failure> {
        let now = if D::WORDING.returning {
            let rows = line.fetch(statement, values).await?;
            rows.first().map(record::<D>).transpose()?
        } else {
            line.begin(None).await?;
            let changed = line.execute(statement, values).await? > 0;
            let now = if changed { self.look(line, sid).await? } else { None };
            line.commit().await?;
            now
        };
        if let Some(now) = now {
            return Ok(CompareAndSwap::Stored(now));
        }
        Ok(self.look(line, sid).await?.map_or(CompareAndSwap::NotFound, CompareAndSwap::Conflict))
    }

    pub(super) async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError> {
        let values = [id(sid), Value::Int(Some(millis(at)))];
        self.change(&self.statements.touch, &values).await.map(|_| ())
    }

    pub(super) async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError> {
        Ok(self.change(&self.statements.delete, &[id(sid)]).await? > 0)
    }

    pub(super) async fn delete_if(
        &self,
        sid: &SignInId,
        expected: u64,
    ) -> Result<Deleted, StoreError> {
        let values = &[id(sid), Value::Int(Some(version(expected)))];
        self.step(|| async move {
            let mut line = self.pool.line().await?;
            let deleted = self.deleted(&mut line, sid, values).await;
            line.settle(deleted).await
        })
        .await
    }

    async fn deleted(
        &self,
        line: &mut PooledConnection<'_, D>,
        sid: &SignInId,
        values: &[Value<'_>],
    ) -> Result<Deleted, Failure> {
        if line.execute(&self.statements.delete_at_version, values).await? > 0 {
            return Ok(Deleted::Done);
        }
        Ok(self.look(line, sid).await?.map_or(Deleted::NotFound, Deleted::Conflict))
    }

    pub(super) async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = [id(sid), Value::Int(Some(millis(last_seen)))];
        Ok(self.change(&self.statements.delete_unused, &values).await? > 0)
    }

    /// Executes a statement by itself, and says how many sign-ins it changed.
    pub(super) async fn change(
        &self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, StoreError> {
        self.step(|| async move {
            let mut line = self.pool.line().await?;
            let changed = line.execute(statement, values).await;
            line.settle(changed).await
        })
        .await
    }

    pub(super) async fn look(
        &self,
        line: &mut PooledConnection<'_, D>,
        sid: &SignInId,
    ) -> Result<Option<Arc<Record>>, Failure> {
        let rows = line.fetch(&self.statements.load, &[id(sid)]).await?;
        rows.first().map(record::<D>).transpose()
    }
}

/// An id as a value.
pub(super) fn id(sid: &SignInId) -> Value<'_> {
    Value::Bytes(Some(sid.as_bytes()))
}
