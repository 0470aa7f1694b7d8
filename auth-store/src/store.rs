//! The contract of a store.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use crate::data::SessionData;
use crate::error::StoreError;
use crate::record::{Record, Rotation, SecretMatch};
use crate::secret::{Digest, Secret, SecretKind};
use crate::watch::Watch;

/// Where sign-ins are kept.
///
/// Every step is atomic, for all nodes that share the store. The kit in
/// [`conformance`](crate::conformance) (feature `conformance`) checks each rule of this page on an
/// implementation. What holds for all of them:
///
/// - A store never hangs: it gives up by itself, within a bound that it documents.
/// - A store that fails says so: [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable). It never answers "gone" instead.
/// - Nothing but [`create`](Self::create) brings a sign-in into being. Whatever was deleted stays
///   so, however late another request comes.
/// - The store has no clock. Expiry is decided by the caller with [`Record::expiry`]; the store's
///   own clean-up only collects garbage, in [`sweep`](Self::sweep).
/// - Every change but [`touch`](Self::touch) raises the record's version.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// A new public id for a sign-in of this subject, unguessable. Stores that keep a subject's
    /// sign-ins in one place may say by the first 16 bits where.
    ///
    /// # Errors
    /// If the operating system has no randomness to give.
    fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        let _ = subject;
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(StoreError::unavailable)?;
        Ok(SignInId::from_bytes(bytes))
    }

    /// Shows what can be said without waiting; `see` is called exactly once. The record is lent,
    /// not shared, so that requests on several cores do not count references in turn. The store
    /// may hold a lock meanwhile: `see` must be quick, and must not call the store.
    fn peek(&self, sid: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        let _ = sid;
        see(Peek::Miss);
    }

    /// The sign-in of this id, or none. An expired one may be either.
    async fn load(&self, sid: &SignInId) -> Result<Option<Arc<Record>>, StoreError>;

    /// Hears of changes of this sign-in: of every one but [`touch`](Self::touch), and the collection
    /// of what has expired, that is made after this has returned, on any node; and of all that keeps
    /// the store from hearing of them. The
    /// watch is ready then; whoever waits looks again, and watches anew before that. It may be ready
    /// without a reason. Several may watch one sign-in, and one that is not there can be watched.
    ///
    /// None if the store does not tell of changes, or cannot at the moment: whoever waits asks again
    /// and again.
    fn watch(&self, sid: &SignInId) -> Option<Watch> {
        let _ = sid;
        None
    }

    /// What this secret leads to, used as one of `kind`.
    async fn find(
        &self,
        secret: &Secret,
        kind: SecretKind,
        now: Timestamp,
    ) -> Result<SecretLookup, StoreError> {
        Ok(SecretLookup::by(self.load(&secret.sid()).await?, secret, kind, now))
    }

    /// Inserts a sign-in. Never replaces one: a key that is taken is an error of kind
    /// [`Taken`](crate::StoreErrorKind::DuplicateId), and changes nothing. `record.version` is stored as 0.
    ///
    /// With a limit, the subject has at most so many living sign-ins afterwards, however many
    /// arrive at once: the oldest by `created_at` are evicted, or this one is refused. `record.created_at` is the
    /// moment that decides which are living.
    ///
    /// A store without room refuses with [`Unavailable`](crate::StoreErrorKind::Unavailable), after it
    /// has evicted anonymous sign-ins. It never evicts a signed-in one for room.
    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError>;

    /// Replaces the data, if the record is still at this version. Never creates.
    async fn update(
        &self,
        sid: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError>;

    /// Replaces the secret, if `from` is still the current one. Never creates. The data stays, so
    /// that neither a refresh nor an update has to wait for the other.
    async fn rotate(
        &self,
        sid: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError>;

    /// Notes a use at this time. Moves the last-seen time forward only, never revives, and does
    /// not change the version. A sign-in that is gone is no error.
    async fn touch(&self, sid: &SignInId, at: Timestamp) -> Result<(), StoreError>;

    /// Deletes a sign-in, and says whether there was one. Doing so twice is no error.
    async fn delete(&self, sid: &SignInId) -> Result<bool, StoreError>;

    /// Deletes a sign-in if it is still at this version.
    async fn delete_if_version(&self, sid: &SignInId, version: u64) -> Result<Deleted, StoreError>;

    /// Deletes a sign-in if it was not used since `last_seen`, and says whether it did: the end of
    /// an idle sign-in cannot hit one that another node has just seen.
    async fn delete_if_idle(
        &self,
        sid: &SignInId,
        last_seen: Timestamp,
    ) -> Result<bool, StoreError>;

    /// All sign-ins of a subject, oldest first by `created_at`; expired ones may be among them.
    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError>;

    /// Ends this sign-in of the subject, and says whether there was one. One of another subject is
    /// left alone.
    async fn revoke(&self, subject: &str, sid: &SignInId) -> Result<bool, StoreError>;

    /// Ends all sign-ins of the subject but this one, and says how many. No sign-in that was
    /// created before survives.
    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError>;

    /// Ends all sign-ins of the subject, and says how many. No sign-in that was created before
    /// survives.
    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError>;

    /// Replaces roles and claims (see [`encode`](crate::encode)) in all sign-ins of the subject,
    /// and says in how many. How each was authenticated stays as it was.
    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError>;

    /// Collects at most `most` sign-ins that have expired at `now`, and says how many. It never
    /// takes a living one, and never holds up other requests for long.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError>;
}

/// What a store can say without waiting.
#[derive(Clone, Copy, Debug)]
pub enum Peek<'a> {
    /// Nothing: ask [`Store::load`].
    Miss,
    /// A copy, which was true a moment ago. It may not have heard of the latest use, so an idle
    /// expiry that it shows has to be confirmed by [`Store::load`].
    Cached(&'a Arc<Record>),
    /// The truth.
    Authoritative(Option<&'a Arc<Record>>),
}

/// How many sign-ins one subject may have at a time, and what happens at the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInLimit {
    /// How many.
    pub max: NonZeroU32,
    /// What happens at the next.
    pub when_full: OverflowPolicy,
}

/// What happens when a subject signs in once more than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverflowPolicy {
    /// The oldest sign-in ends.
    EvictOldest,
    /// The new one is refused.
    Reject,
}

/// What became of a [`Store::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The sign-in is stored, and so many older ones of the subject were evicted.
    Stored {
        /// How many.
        evicted: usize,
    },
    /// The subject has as many sign-ins as allowed. Nothing was changed.
    LimitReached,
}

/// What became of a compare-and-swap.
#[derive(Clone, Debug)]
pub enum CompareAndSwap {
    /// It happened; this is the record now.
    Stored(Arc<Record>),
    /// Somebody else was faster. Nothing was changed; this is the record now.
    Conflict(Arc<Record>),
    /// There is no such sign-in.
    NotFound,
}

/// What became of a [`Store::delete_if_version`].
#[derive(Clone, Debug)]
pub enum Deleted {
    /// It is gone now.
    Done,
    /// It has changed. Nothing was deleted; this is the record now.
    Conflict(Arc<Record>),
    /// It was gone already.
    NotFound,
}

/// What a secret leads to.
#[derive(Clone, Debug)]
pub enum SecretLookup {
    /// The sign-in that it proves.
    Current(Arc<Record>),
    /// It was just refreshed; refreshing with it again yields the current secret.
    Rotated(Arc<Record>),
    /// It proved this sign-in once, and no more.
    Reused(Arc<Record>),
    /// Nothing, or a sign-in that it never proved.
    NotFound,
}

impl SecretLookup {
    /// What `secret`, used as one of `kind`, leads to, given the record of its id.
    #[must_use]
    pub fn by(
        record: Option<Arc<Record>>,
        secret: &Secret,
        kind: SecretKind,
        now: Timestamp,
    ) -> Self {
        let Some(record) = record else { return Self::NotFound };
        match record.match_secret(secret, kind, now) {
            SecretMatch::Current => Self::Current(record),
            SecretMatch::Rotated(_) => Self::Rotated(record),
            SecretMatch::Reused => Self::Reused(record),
            SecretMatch::Unknown => Self::NotFound,
        }
    }
}

/// What `SessionAuth::new` and `JwtAuth::sign_in` take: a store, an `Arc` of one, or the
/// type-erased one.
///
/// This is not an `impl Store for Arc<dyn Store>`, which would box every future twice.
pub trait IntoStore {
    /// The type-erased store.
    fn into_store(self) -> Arc<dyn Store>;
}

impl<S: Store> IntoStore for S {
    fn into_store(self) -> Arc<dyn Store> {
        Arc::new(self)
    }
}

impl<S: Store> IntoStore for Arc<S> {
    fn into_store(self) -> Arc<dyn Store> {
        self
    }
}

impl IntoStore for Arc<dyn Store> {
    fn into_store(self) -> Self {
        self
    }
}

impl std::fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}
