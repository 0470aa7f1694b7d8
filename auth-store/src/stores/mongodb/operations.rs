//! The operations on one sign-in. Each is one command, which the server applies to one document.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};
use mongodb::bson::{Document, RawDocumentBuf, doc};
use mongodb::options::{ReadConcern, ReturnDocument};
use tokio::time::timeout;

use super::document::{binary, expires_at_stage, id_value, record_of, subject_value};
use super::error::Failure;
use super::execute::MongoInner;
use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::columns::{millis, version};
use crate::record::{Reauthentication, Record, Rotation, encoding};
use crate::secret::Digest;
use crate::store::{CompareAndSwap, Deleted};

impl MongoInner {
    pub(super) async fn load(
        self: &Arc<Self>,
        id: &SignInId,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let id = *id;
        self.run(async move |store, _| {
            let found = store.sign_ins.find_one(doc! { "_id": id_value(&id) });
            decoded(found.max_time(store.timeout).await?, &id)
        })
        .await
    }

    /// Reads a sign-in after a conditional write did not apply to it. The write compared with the newest state,
    /// which may not have reached a majority yet: this read waits until it has.
    async fn load_newest(&self, id: &SignInId) -> Result<Option<Arc<Record>>, Failure> {
        let found = self.sign_ins.find_one(doc! { "_id": id_value(id) });
        let found = found.read_concern(ReadConcern::linearizable()).max_time(self.timeout);
        decoded(found.await?, id)
    }

    pub(super) async fn update(
        self: &Arc<Self>,
        id: &SignInId,
        expected: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        let filter = doc! { "_id": id_value(id), "version": version(expected) };
        let change = doc! {
            "$set": { "data": binary(data.encoded().to_vec()) },
            "$inc": { "version": 1_i64 },
        };
        self.compare_and_swap(*id, filter, vec![change]).await
    }

    pub(super) async fn rotate(
        self: &Arc<Self>,
        id: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError> {
        let filter = doc! { "_id": id_value(id), "verifier": binary(from.0) };
        self.compare_and_swap(*id, filter, vec![rotated(&rotation), expires_at_stage()]).await
    }

    /// Changes a sign-in if the filter finds it. If it does not, reads the sign-in. Several changes are the stages
    /// of one update.
    async fn compare_and_swap(
        self: &Arc<Self>,
        id: SignInId,
        filter: Document,
        mut changes: Vec<Document>,
    ) -> Result<CompareAndSwap, StoreError> {
        self.run(async move |store, _| {
            let update = match changes.len() {
                1 => store.sign_ins.find_one_and_update(filter, changes.remove(0)),
                _ => store.sign_ins.find_one_and_update(filter, changes),
            };
            let stored =
                update.return_document(ReturnDocument::After).max_time(store.timeout).await?;
            if let Some(stored) = decoded(stored, &id)? {
                return Ok(CompareAndSwap::Stored(stored));
            }
            let newest = store.load_newest(&id).await?;
            Ok(newest.map_or(CompareAndSwap::NotFound, CompareAndSwap::Conflict))
        })
        .await
    }

    pub(super) async fn touch(
        self: &Arc<Self>,
        id: &SignInId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let at = millis(at);
        let filter = doc! { "_id": id_value(id), "last_seen": { "$lt": at } };
        let stages = vec![doc! { "$set": { "last_seen": at } }, expires_at_stage()];
        self.run(async move |store, _| {
            let touched = store.sign_ins.find_one_and_update(filter, stages);
            touched.projection(doc! { "_id": 1 }).max_time(store.timeout).await?;
            Ok(())
        })
        .await
    }

    pub(super) async fn delete(self: &Arc<Self>, id: &SignInId) -> Result<bool, StoreError> {
        self.delete_one(doc! { "_id": id_value(id) }).await
    }

    pub(super) async fn delete_if_version(
        self: &Arc<Self>,
        id: &SignInId,
        expected: u64,
    ) -> Result<Deleted, StoreError> {
        let id = *id;
        self.run(async move |store, _| {
            let filter = doc! { "_id": id_value(&id), "version": version(expected) };
            if store.is_deleted(filter).await? {
                return Ok(Deleted::Done);
            }
            let newest = store.load_newest(&id).await?;
            Ok(newest.map_or(Deleted::NotFound, Deleted::Conflict))
        })
        .await
    }

    pub(super) async fn delete_if_idle(
        self: &Arc<Self>,
        id: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError> {
        let idle = doc! { "$lte": millis(last_seen) };
        self.delete_one(doc! { "_id": id_value(id), "last_seen": idle }).await
    }

    pub(super) async fn revoke(
        self: &Arc<Self>,
        subject: &str,
        id: &SignInId,
    ) -> Result<bool, StoreError> {
        self.delete_one(doc! { "_id": id_value(id), "subject": subject_value(subject) }).await
    }

    async fn delete_one(self: &Arc<Self>, filter: Document) -> Result<bool, StoreError> {
        self.run(async move |store, _| store.is_deleted(filter).await).await
    }

    /// Deletes the sign-in that the filter finds. Returns whether there was one.
    async fn is_deleted(&self, filter: Document) -> Result<bool, Failure> {
        let deleted = self.sign_ins.find_one_and_delete(filter).projection(doc! { "_id": 1 });
        Ok(deleted.max_time(self.timeout).await?.is_some())
    }
}

impl MongoInner {
    /// Waits for the operations that have begun, and closes all connections.
    pub(super) async fn close(self: &Arc<Self>) -> Result<(), StoreError> {
        let all = timeout(self.timeout, self.permits.acquire_many(self.max_connections)).await;
        self.permits.close();
        self.client.clone().shutdown().immediate(true).await;
        match all {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::TimedOut(self.timeout).into()),
        }
    }
}

/// Decodes the document of this id, if there is one.
fn decoded(
    document: Option<RawDocumentBuf>,
    id: &SignInId,
) -> Result<Option<Arc<Record>>, Failure> {
    document.map(|document| record_of(&document, id)).transpose()
}

/// Returns the stage of an update that has the effect of [`Rotation::apply`].
fn rotated(rotation: &Rotation) -> Document {
    let Rotation { kind, digests, grace, reauthentication } = rotation;
    let mut used_at = grace.as_ref().map(|grace| millis(grace.replaced_at)).unwrap_or_default();
    let mut fields = doc! {
        "kind": i64::from(kind.code()),
        "family": binary(digests.family.0),
        "verifier": binary(digests.current.0),
        "grace": binary(encoding::grace(grace.as_ref())),
        "version": { "$add": ["$version", 1_i64] },
    };
    // A grace is read only if there are details.
    let empty = grace.is_some().then(Vec::new);
    if let Some(Reauthentication { at, seen_at, deadlines, persistence, principal, details }) =
        reauthentication
    {
        match encoding::details(*kind, details.as_deref()).or(empty) {
            Some(details) => fields.insert("details", binary(details)),
            None => fields.insert("details", "$$REMOVE"),
        };
        if let Some(principal) = principal {
            fields.insert("principal", binary(&**principal));
        }
        fields.insert("persistence", i64::from(encoding::persistence(*persistence)));
        fields.insert("authenticated_at", millis(*at));
        fields.insert("idle_secs", i64::from(deadlines.idle_secs));
        fields.insert("ends_at", millis(deadlines.ends_at));
        used_at = used_at.max(millis(*seen_at));
    } else if let Some(empty) = empty {
        fields.insert("details", doc! { "$ifNull": ["$details", binary(empty)] });
    }
    fields.insert("last_seen", doc! { "$max": ["$last_seen", used_at] });
    doc! { "$set": fields }
}
