//! The steps about all sign-ins of a subject.

use std::sync::Arc;

use auth_core::SignInId;

use super::dialect::Dialect;
use super::failure::Failure;
use super::pool::PooledConnection;
use super::row::{record, subject_key};
use super::shared::SqlInner;
use super::statement::Statement;
use super::steps::id;
use super::value::Value;
use crate::error::StoreError;
use crate::record::Record;

impl<D: Dialect> SqlInner<D> {
    /// One statement sees one moment.
    pub(super) async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError> {
        let values = &named(subject);
        self.step(|| async move {
            let mut line = self.reading().line().await?;
            let rows = line.fetch(&self.statements.list, values).await;
            let rows = line.settle(rows).await?;
            rows.iter().map(record::<D>).collect()
        })
        .await
    }

    pub(super) async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError> {
        let [key, name] = named(subject);
        Ok(self.change(&self.statements.revoke, &[key, name, id(sid)]).await? > 0)
    }

    pub(super) async fn revoke_others(
        &self,
        subject: &str,
        keep: &SignInId,
    ) -> Result<usize, StoreError> {
        let [key, name] = named(subject);
        self.for_all(&self.statements.revoke_others, subject, &[key, name, id(keep)]).await
    }

    pub(super) async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError> {
        self.for_all(&self.statements.revoke_all, subject, &named(subject)).await
    }

    pub(super) async fn amend(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError> {
        let [key, name] = named(subject);
        let values = [key, name, Value::Bytes(Some(principal))];
        self.for_all(&self.statements.amend, subject, &values).await
    }

    async fn for_all(
        &self,
        statement: &Statement,
        subject: &str,
        values: &[Value<'_>],
    ) -> Result<usize, StoreError> {
        let changed = self
            .step(|| async move {
                let mut line = self.pool.line().await?;
                let changed = self.all(&mut line, statement, subject, values).await;
                line.settle(changed).await
            })
            .await?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    /// Where one statement sees one moment, it needs no lock.
    async fn all(
        &self,
        line: &mut PooledConnection<'_, D>,
        statement: &Statement,
        subject: &str,
        values: &[Value<'_>],
    ) -> Result<u64, Failure> {
        if !D::LOCKS_ALWAYS {
            return line.execute(statement, values).await;
        }
        line.begin(D::lock(subject_key(subject))).await?;
        let changed = line.execute(statement, values).await?;
        line.commit().await?;
        Ok(changed)
    }
}

/// A subject as values.
fn named(subject: &str) -> [Value<'_>; 2] {
    [Value::Int(Some(subject_key(subject))), Value::Bytes(Some(subject.as_bytes()))]
}
