//! The removal of expired sign-ins, and of anonymous ones beyond their maximum.
//!
//! The server deletes expired sign-ins by its own clock, an hour later than a [`sweep`](crate::Store::sweep) would.

use std::sync::Arc;

use auth_core::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use super::document::{expired, id_value, sign_in_id};
use super::error::Failure;
use super::execute::MongoInner;
use super::subjects::number;
use crate::error::StoreError;
use crate::store::Swept;
use crate::stores::eviction::{COUNT, EvictionState, Evicts};

impl MongoInner {
    /// Deletes expired sign-ins. They may have been used since they were found, so the deletion compares again.
    pub(super) async fn sweep(
        self: &Arc<Self>,
        now: Timestamp,
        max: usize,
    ) -> Result<Swept, StoreError> {
        self.run(async move |store, _| {
            let (filter, order) = (expired(now), doc! { "expires_at": 1 });
            let found = store.ids(filter.clone(), order, max.max(1)).await?;
            let more = found.len() >= max;
            if max == 0 || found.is_empty() {
                return Ok(Swept { removed: 0, more });
            }
            let mut filter = filter;
            filter.insert("_id", doc! { "$in": found });
            let deleted = store.sign_ins.delete_many(filter).await?;
            Ok(Swept { removed: number(deleted.deleted_count), more })
        })
        .await
    }

    /// Returns the ids of the first sign-ins that the filter finds in this order.
    async fn ids(
        &self,
        filter: Document,
        order: Document,
        max: usize,
    ) -> Result<Vec<Bson>, Failure> {
        let found = self.sign_ins.find(filter).sort(order).projection(doc! { "_id": 1 });
        let found = found.limit(i64::try_from(max).unwrap_or(i64::MAX)).max_time(self.timeout);
        let (mut found, mut ids) = (found.await?, Vec::new());
        while found.advance().await? {
            // A foreign document must not stop the eviction of the others.
            ids.extend(sign_in_id(found.current()).ok().map(|id| id_value(&id)));
        }
        Ok(ids)
    }
}

impl Evicts for MongoInner {
    fn eviction(&self) -> &EvictionState {
        &self.eviction
    }

    async fn surplus_anonymous(self: &Arc<Self>) -> Result<u64, StoreError> {
        let limit = self.timeout.max(COUNT);
        self.run_within(limit, async move |store, _| {
            let count = store.sign_ins.count_documents(doc! { "anonymous": true });
            Ok(count.max_time(limit).await?.saturating_sub(store.max_anonymous))
        })
        .await
    }

    async fn evict_batch(self: &Arc<Self>, size: usize) -> Result<usize, StoreError> {
        self.run(async move |store, _| {
            let order = doc! { "created_at": 1 };
            let oldest = store.ids(doc! { "anonymous": true }, order, size).await?;
            let deleted = store.sign_ins.delete_many(doc! { "_id": { "$in": oldest } });
            Ok(number(deleted.await?.deleted_count))
        })
        .await
    }
}
