//! The creation of sign-ins, and the operations on all of a subject. Those on several documents are
//! transactions.

use std::sync::Arc;

use auth_core::{SignInId, Timestamp};
use mongodb::ClientSession;
use mongodb::bson::{Bson, Document, RawDocument, doc};

use super::document::{
    binary, document, id_value, lock_expires_at, lock_id, long, optional, record, sign_in_id,
    subject_value,
};
use super::error::{Failure, is_duplicate};
use super::execute::{Attempt, MongoInner, Transaction};
use crate::error::StoreError;
use crate::record::columns::{deadlines, timestamp};
use crate::record::{Record, encoding};
use crate::secret::SecretKind;
use crate::store::{Created, EachRecord, OverflowPolicy, SignInLimit};

/// The fields that decide whether a sign-in counts for a limit.
const COUNTED: [&str; 5] = ["last_seen", "idle_secs", "ends_at", "kind", "details"];

/// More sign-ins than a subject has, so that all come in the first answer.
const ALL: u32 = 100_000;

impl MongoInner {
    pub(super) async fn create(
        self: &Arc<Self>,
        new: &Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let inserted = document(new);
        let limited = new.subject.clone().zip(limit);
        let Some((subject, limit)) = limited else {
            return self
                .run(async move |store, _| {
                    let inserted = store.documents().insert_one(inserted).await;
                    inserted.map_err(insert_failure)?;
                    Ok(Created::Stored { evicted: 0 })
                })
                .await;
        };
        let creation = Creation {
            id: new.id,
            subject,
            kind_name: encoding::kind_name(new.kind),
            now: new.created_at,
            inserted,
            limit,
        };
        self.run_transaction(creation).await
    }

    pub(super) async fn list(
        self: &Arc<Self>,
        subject: &str,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        self.list_each(subject).await?.into_iter().collect()
    }

    pub(super) async fn list_each(
        self: &Arc<Self>,
        subject: &str,
    ) -> Result<EachRecord, StoreError> {
        let filter = doc! { "subject": subject_value(subject) };
        self.run(async move |store, _| {
            let found = store.sign_ins.find(filter).sort(doc! { "created_at": 1 });
            let mut found = found.batch_size(ALL).max_time(store.timeout).await?;
            let mut records = Vec::new();
            while found.advance().await? {
                records.push(record(found.current()).map_err(StoreError::from));
            }
            Ok(records)
        })
        .await
    }

    pub(super) async fn revoke_others(
        self: &Arc<Self>,
        subject: &str,
        keep: &SignInId,
    ) -> Result<usize, StoreError> {
        let (subject, mut filter) = of_subject(subject);
        filter.insert("_id", doc! { "$ne": id_value(keep) });
        self.run_transaction(OnAll { subject, filter, change: None }).await
    }

    pub(super) async fn revoke_subject(
        self: &Arc<Self>,
        subject: &str,
    ) -> Result<usize, StoreError> {
        let (subject, filter) = of_subject(subject);
        self.run_transaction(OnAll { subject, filter, change: None }).await
    }

    pub(super) async fn update_subject(
        self: &Arc<Self>,
        subject: &str,
        principal: &[u8],
    ) -> Result<usize, StoreError> {
        let (subject, filter) = of_subject(subject);
        self.change_principal(subject, filter, principal).await
    }

    pub(super) async fn swap_principal(
        self: &Arc<Self>,
        subject: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<usize, StoreError> {
        let (subject, mut filter) = of_subject(subject);
        filter.insert("principal", binary(from));
        self.change_principal(subject, filter, to).await
    }

    async fn change_principal(
        self: &Arc<Self>,
        subject: Arc<str>,
        filter: Document,
        principal: &[u8],
    ) -> Result<usize, StoreError> {
        let change = doc! {
            "$set": { "principal": binary(principal) },
            "$inc": { "version": 1_i64 },
        };
        self.run_transaction(OnAll { subject, filter, change: Some(change) }).await
    }

    async fn run_transaction<T: Transaction<Output: 'static> + 'static>(
        self: &Arc<Self>,
        transaction: T,
    ) -> Result<T::Output, StoreError> {
        self.run(async move |store, caller| store.transaction(&caller, &transaction).await).await
    }
}

/// Returns the subject, and the filter for its sign-ins.
fn of_subject(subject: &str) -> (Arc<str>, Document) {
    (subject.into(), doc! { "subject": subject_value(subject) })
}

/// A change of all sign-ins of a subject that a filter finds, or their end. A transaction, so that all of them
/// change or none.
struct OnAll {
    subject: Arc<str>,
    filter: Document,
    /// `None` deletes them.
    change: Option<Document>,
}

impl Transaction for OnAll {
    type Output = usize;

    fn subject(&self) -> &str {
        &self.subject
    }

    async fn attempt(&self, store: &MongoInner, session: &mut ClientSession) -> Attempt<usize> {
        let (sign_ins, filter) = (&store.sign_ins, self.filter.clone());
        Ok(number(match self.change.clone() {
            Some(change) => {
                sign_ins.update_many(filter, change).session(session).await?.matched_count
            }
            None => sign_ins.delete_many(filter).session(session).await?.deleted_count,
        }))
    }
}

/// A sign-in with a limit that is to be created.
struct Creation {
    id: SignInId,
    subject: Arc<str>,
    kind_name: Vec<u8>,
    now: Timestamp,
    inserted: Document,
    limit: SignInLimit,
}

impl Transaction for Creation {
    type Output = Created;

    fn subject(&self) -> &str {
        &self.subject
    }

    /// Writing to the lock of the subject first makes it conflict with every other attempt
    /// for this subject that has not ended.
    async fn attempt(&self, store: &MongoInner, session: &mut ClientSession) -> Attempt<Created> {
        self.lock(store, session).await?;
        let surplus = self.surplus(store, session).await?;
        if !surplus.is_empty() && self.limit.when_full == OverflowPolicy::Reject {
            // A duplicate id is an error whether or not the limit is reached.
            let taken = store.sign_ins.find_one(doc! { "_id": id_value(&self.id) });
            return match taken.session(session).await? {
                Some(_) => Err(Failure::DuplicateId),
                None => Ok(Created::LimitReached),
            };
        }
        // Insert before anything is deleted: a duplicate id may be that of a surplus sign-in.
        let documents = store.documents();
        let inserted = documents.insert_one(self.inserted.clone()).session(&mut *session);
        inserted.await.map_err(insert_failure)?;
        if surplus.is_empty() {
            return Ok(Created::Stored { evicted: 0 });
        }
        let evicted = store.sign_ins.delete_many(doc! { "_id": { "$in": surplus } });
        Ok(Created::Stored { evicted: number(evicted.session(session).await?.deleted_count) })
    }
}

impl Creation {
    async fn lock(&self, store: &MongoInner, session: &mut ClientSession) -> Result<(), Failure> {
        let change = doc! {
            "$inc": { "lock": 1_i64 },
            "$max": { "expires_at": lock_expires_at(self.now) },
        };
        let lock = store.sign_ins.update_one(doc! { "_id": lock_id(&self.subject) }, change);
        match lock.upsert(true).session(session).await {
            Err(error) if is_duplicate(&error) => Err(Failure::LockTaken),
            done => Ok(done.map(|_| ())?),
        }
    }

    /// Returns the oldest of the active sign-ins that count, as many as must end.
    async fn surplus(
        &self,
        store: &MongoInner,
        session: &mut ClientSession,
    ) -> Result<Vec<Bson>, Failure> {
        let mut fields: Document =
            COUNTED.iter().map(|field| ((*field).to_owned(), 1.into())).collect();
        if self.kind_name.is_empty() {
            fields.remove("details");
        }
        let found = store.sign_ins.find(doc! { "subject": subject_value(&self.subject) });
        let found = found.sort(doc! { "created_at": 1 }).projection(fields).batch_size(ALL);
        let mut found = found.session(&mut *session).await?;
        let mut active = Vec::new();
        while found.advance(session).await? {
            // One that cannot be read must not keep the user from signing in.
            if let Ok(Some(id)) = self.counted(found.current()) {
                active.push(id);
            }
        }
        let max = usize::try_from(self.limit.max.get()).unwrap_or(usize::MAX);
        active.truncate((active.len() + 1).saturating_sub(max));
        Ok(active)
    }

    /// Returns the id of a sign-in that counts for the limit.
    fn counted(&self, found: &RawDocument) -> Result<Option<Bson>, Failure> {
        let kind = long(found, "kind")?;
        let counts = match kind == i64::from(SecretKind::CUSTOM) {
            true if self.kind_name.is_empty() => false,
            true => optional(found, "details")?
                .is_some_and(|details| details.starts_with(&self.kind_name)),
            false => self.kind_name.is_empty(),
        };
        let deadlines = deadlines(long(found, "idle_secs")?, long(found, "ends_at")?)?;
        let last_seen = timestamp(long(found, "last_seen")?);
        if !counts || deadlines.expiry(last_seen, self.now).is_some() {
            return Ok(None);
        }
        Ok(Some(id_value(&sign_in_id(found)?)))
    }
}

fn insert_failure(error: mongodb::error::Error) -> Failure {
    match is_duplicate(&error) {
        true => Failure::DuplicateId,
        false => error.into(),
    }
}

pub(super) fn number(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
