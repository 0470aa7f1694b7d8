//! The contract of a store: for authors of stores.
//!
//! [`Store`] is what every place that keeps sign-ins implements, whether it is part of this crate or
//! not. Its arguments and results are here as well: a [`Record`] and its bytes, what a compare-and-swap
//! found, what a secret leads to, and which limit a new sign-in has to respect. Applications use the stores at the
//! root of this crate. The guide in the repository is `docs/writing-stores.md`.

use std::num::NonZeroU32;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::{SignInId, Timestamp};

use crate::error::StoreError;
use crate::record::marker_hash;
use crate::secret::{Secret, SecretKind};

pub use crate::data::SessionData;
pub use crate::error::Bound;
pub use crate::lifetime::{Deadlines, Expiry};
pub use crate::record::{
    Actor, Device, Reauthentication, Record, Rotation, RotationGrace, SecretMatch, SignInDetails,
    decode, encode,
};
pub use crate::secret::{Digest, FamilyDigest, Nonce, SecretDigests};
pub use crate::watch::{Watch, Watchers};

/// The records of a subject, with the error of each that cannot be decoded in its place.
pub type EachRecord = Vec<Result<Arc<Record>, StoreError>>;

/// Keeps sign-ins.
///
/// Implement this trait to keep sign-ins in a place that this crate does not support. To wrap another
/// store, see [`forward_store!`](crate::forward_store). Verify an implementation with the suite in
/// [`conformance`](crate::conformance) (feature `conformance`), which checks each rule of this page.
///
/// # Atomicity
///
/// - Each method is atomic for all nodes that share the store, and the operations on one sign-in are
///   linearizable: once a method has returned `Ok`, every later call on any node sees its effect.
/// - The methods for a whole subject are complete: once they have returned `Ok`, every sign-in whose
///   [`create`](Self::create) was acknowledged before the call has ended or changed.
/// - No method except [`create`](Self::create) creates a sign-in. A deleted sign-in stays deleted, however
///   late another request arrives; a slow request must not undo a sign-out.
/// - Every change except [`touch`](Self::touch) increments [`Record::version`].
/// - The id of a sign-in that has ended is free again.
///
/// # Durability
///
/// A store keeps what it has acknowledged: after `Ok`, no restart and no crash of the store undoes a change or
/// the end of a sign-in. A store that can lose acknowledged changes, because it keeps sign-ins in memory or
/// replicates them later, must say so in its documentation.
///
/// # Sizes
///
/// A store accepts session data of up to [`SessionData::MAX_BYTES`]. It accepts at least subjects of up to 255
/// bytes, roles and claims of up to 4 KiB, and 32 sign-ins of a subject. Beyond that, it may have
/// [bounds](Self::bounds). What exceeds a bound is refused with an error that names the bound. A store never
/// truncates a value.
///
/// # Unreadable records
///
/// A record that cannot be decoded is reported as [`Invalid`](crate::StoreErrorKind::Invalid), and never as
/// missing. A store ends a sign-in without decoding its record, so that an unreadable record blocks neither
/// its own end nor that of the subject's other sign-ins. It does not block new sign-ins of the subject either;
/// whether it counts for their limit is not specified.
///
/// # Failures
///
/// - A store that cannot make a change because another one is in the way reports
///   [`StoreErrorKind::Contended`](crate::StoreErrorKind::Contended). It has then changed nothing, and the
///   caller repeats the call.
/// - A store reports its failures as
///   [`StoreErrorKind::Unavailable`](crate::StoreErrorKind::Unavailable). It never reports "no such
///   sign-in" because it could not be reached.
/// - A store must not hang. It returns an error within a time that it documents.
/// - After `Unavailable`, the caller does not know whether the operation took effect; it may even do so
///   later. If it does, it completes [watches](Self::watch) like an operation that was acknowledged. Callers
///   assume that it may have taken effect. Repeating the call is safe for every method but `create`, `update`,
///   `rotate` and `delete_if_version`, which may then report the first call's success as a conflict.
/// - The same holds for a future that is dropped before it has completed: the operation happens as a whole or
///   not at all, and blocks no later one.
///
/// # Time
///
/// A store has no clock. The caller decides about expiry with [`Record::expiry`], so `load` and
/// `list` may return expired sign-ins. A store may remove them at any time, by itself or in
/// [`sweep`](Self::sweep), but never one that is active.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Generates the id of a new sign-in of this subject.
    ///
    /// The id must be unguessable: at least 112 of its 128 bits are random. A store that keeps a
    /// subject's sign-ins in one place may encode that place in the first 16 bits. The default
    /// implementation takes all bits from the operating system.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the operating system provides no
    /// randomness.
    fn new_id(&self, subject: Option<&str>) -> Result<SignInId, StoreError> {
        let _ = subject;
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(StoreError::unavailable)?;
        Ok(SignInId::from_bytes(bytes))
    }

    /// Returns an id for a record of this subject that every node derives in the same way. So a node finds
    /// the record although another one has created it. The random bits of the id are those of the hash.
    ///
    /// Override this method if [`new_id`](Self::new_id) encodes the place of a record. The default
    /// implementation returns the hash as the id.
    fn derived_id(&self, subject: Option<&str>, hash: [u8; 16]) -> SignInId {
        let _ = subject;
        SignInId::from_bytes(hash)
    }

    /// Returns the [derived](Self::derived_id) id of the marker that the cookie of a sign-in was replaced. Stores
    /// need not override this method.
    ///
    /// A marker is an anonymous record. Its only purpose is to show, for a minute, that a newer cookie replaced
    /// that of the sign-in `replaced`.
    fn marker_id(&self, replaced: &SignInId) -> SignInId {
        self.derived_id(None, marker_hash(replaced))
    }

    /// Calls `see` with what the store knows about a sign-in, without waiting.
    ///
    /// The store calls `see` exactly once. The record is borrowed rather than returned, so that requests on
    /// several cores do not contend for its reference count. The store may hold a lock during the call:
    /// `see` must be quick and must not call the store.
    ///
    /// The default implementation calls it with [`Peek::Miss`].
    fn peek(&self, id: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        let _ = id;
        see(Peek::Miss);
    }

    /// Returns the sign-in with this id, or `None` if there is none.
    ///
    /// An expired sign-in may be returned or not.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached, or if the stored record cannot be decoded.
    async fn load(&self, id: &SignInId) -> Result<Option<Arc<Record>>, StoreError>;

    /// Returns a future that completes once this sign-in may have changed.
    ///
    /// The watch covers every change on any node from the moment this method returns, whether the watch
    /// is polled or not. The exceptions are [`touch`](Self::touch) and the removal of expired sign-ins.
    /// The watch also completes when the store can no longer learn of changes, and may complete
    /// spuriously.
    /// To miss nothing, call `watch` before `load`, and call both again after the watch has completed.
    /// A sign-in may have several watches, and need not exist to be watched.
    ///
    /// Returns `None` if the store does not report changes, or cannot at the moment. Callers then poll.
    /// The default implementation returns `None`.
    fn watch(&self, id: &SignInId) -> Option<Watch> {
        let _ = id;
        None
    }

    /// Looks up the sign-in that this secret claims to prove, and compares the two.
    ///
    /// `kind` is what the secret is used as; a secret of another kind is
    /// [`NotFound`](SecretLookup::NotFound). `now` decides whether a rotated secret is still within its
    /// grace. The default implementation calls [`load`](Self::load) and [`SecretLookup::from_record`].
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`load`](Self::load).
    async fn find(
        &self,
        secret: &Secret,
        kind: SecretKind,
        now: Timestamp,
    ) -> Result<SecretLookup, StoreError> {
        Ok(SecretLookup::from_record(self.load(&secret.id()).await?, secret, kind, now))
    }

    /// Inserts a sign-in, and enforces the subject's limit.
    ///
    /// The store ignores `record.version` and starts at 0.
    ///
    /// With a limit, the subject has at most [`max`](SignInLimit::max) active sign-ins of this kind
    /// afterwards, however many arrive at once: the store evicts the oldest by `created_at`, or refuses the
    /// new one, according to the limit's [`OverflowPolicy`]. It counts and evicts only sign-ins whose kind
    /// [counts with](SecretKind::counts_with) that of the new one. It never evicts the new one, even if that
    /// is the oldest. A sign-in is active if it has not expired at `record.created_at`; expired ones do not
    /// count. A limit does not apply to anonymous records.
    ///
    /// If a sign-in is refused for several reasons, a duplicate id is reported before the limit, and the limit
    /// before a lack of room.
    ///
    /// A store without room evicts anonymous sign-ins first, and never a signed-in one.
    ///
    /// # Errors
    ///
    /// - [`DuplicateId`](crate::StoreErrorKind::DuplicateId): the id is in use. Nothing was changed, and
    ///   nothing was evicted.
    /// - [`Invalid`](crate::StoreErrorKind::Invalid): the record cannot be stored, for example because
    ///   its data is too large. Nothing was changed.
    /// - [`OutOfBounds`](crate::StoreErrorKind::OutOfBounds): the record or the limit exceeds the
    ///   [`bounds`](Self::bounds) of the store. Nothing was changed.
    /// - [`Unavailable`](crate::StoreErrorKind::Unavailable): the store did not answer, or has no room.
    async fn create(
        &self,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError>;

    /// Replaces the data of a sign-in if its version is still `version`. Never creates one.
    ///
    /// Keeps everything else, in particular a later [`last_seen`](Record::last_seen).
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`](crate::StoreErrorKind::Invalid) if the data cannot be stored, and
    /// [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn update(
        &self,
        id: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError>;

    /// Replaces the secret of a sign-in if `from` is still the current one. Never creates one.
    ///
    /// The new record is the stored one after [`Rotation::apply`]. The comparison is with the
    /// secret rather than the version, so that a refresh and an update of the data never conflict; the
    /// stored data is kept.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfBounds`](crate::StoreErrorKind::OutOfBounds) if the new roles and claims exceed the
    /// [`bounds`](Self::bounds) of the store, and [`Unavailable`](crate::StoreErrorKind::Unavailable) if the
    /// store did not answer.
    async fn rotate(
        &self,
        id: &SignInId,
        from: &Digest,
        rotation: Rotation,
    ) -> Result<CompareAndSwap, StoreError>;

    /// Records that a sign-in was used at this time.
    ///
    /// Moves the last-seen time forward only, and does not change the version. Does nothing if there is
    /// no such sign-in.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn touch(&self, id: &SignInId, at: Timestamp) -> Result<(), StoreError>;

    /// Deletes a sign-in. Returns whether there was one.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn delete(&self, id: &SignInId) -> Result<bool, StoreError>;

    /// Deletes a sign-in if its version is still `version`.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn delete_if_version(&self, id: &SignInId, version: u64) -> Result<Deleted, StoreError>;

    /// Deletes a sign-in if its last use was at or before `last_seen`. Returns whether it was deleted.
    ///
    /// A node that considers a sign-in idle ends it this way, so that a use that another node has just
    /// recorded prevents it.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn delete_if_idle(&self, id: &SignInId, last_seen: Timestamp)
    -> Result<bool, StoreError>;

    /// Returns all sign-ins of a subject, oldest first by `created_at`. The limit with which they were
    /// [created](Self::create) bounds their number.
    ///
    /// Expired ones may be among them. The order of sign-ins that were created in the same millisecond
    /// is not specified.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`load`](Self::load).
    async fn list(&self, subject: &str) -> Result<Vec<Arc<Record>>, StoreError>;

    /// Returns what [`list`](Self::list) returns, but with the error of each sign-in whose record cannot be
    /// decoded in its place, so that it does not hide the others.
    ///
    /// Override this method if records may be unreadable. The default implementation calls `list`, which returns
    /// only the error.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn list_each(&self, subject: &str) -> Result<EachRecord, StoreError> {
        Ok(self.list(subject).await?.into_iter().map(Ok).collect())
    }

    /// Ends this sign-in if it is one of the subject's. Returns whether it did.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn revoke(&self, subject: &str, id: &SignInId) -> Result<bool, StoreError>;

    /// Ends all sign-ins of the subject except `keep`. Returns how many.
    ///
    /// No other sign-in that was created before the call survives.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer. Some
    /// sign-ins may have ended; call it again.
    async fn revoke_others(&self, subject: &str, keep: &SignInId) -> Result<usize, StoreError>;

    /// Ends all sign-ins of the subject. Returns how many.
    ///
    /// No sign-in that was created before the call survives.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`revoke_others`](Self::revoke_others).
    async fn revoke_subject(&self, subject: &str) -> Result<usize, StoreError>;

    /// Replaces roles and claims in all sign-ins of the subject. Returns in how many.
    ///
    /// `principal` is what [`encode`] returns. How and when each sign-in was
    /// authenticated stays as it was.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfBounds`](crate::StoreErrorKind::OutOfBounds) if the new roles and claims exceed the
    /// [`bounds`](Self::bounds) of the store; then nothing was changed. Returns
    /// [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer. Some sign-ins may
    /// have changed; call it again.
    async fn update_subject(&self, subject: &str, principal: &[u8]) -> Result<usize, StoreError>;

    /// Replaces the roles and claims `from` by `to`, in those sign-ins of the subject that have exactly `from`.
    /// Returns in how many.
    ///
    /// The comparison and the change of one sign-in are one step, so that two changes of roles at the same time
    /// do not undo each other. In all other respects, it works like [`update_subject`](Self::update_subject).
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`update_subject`](Self::update_subject).
    async fn swap_principal(
        &self,
        subject: &str,
        from: &[u8],
        to: &[u8],
    ) -> Result<usize, StoreError>;

    /// Removes at most `max` sign-ins that have expired at `now`. Returns whether there may be more.
    ///
    /// Never removes an active sign-in, and never delays other requests for long: a
    /// [`SignInManager`](crate::SignInManager) calls it in the background, with pauses, until there are no
    /// more. It does not call it if [`bounds`](Self::bounds) say that the store
    /// [removes expired sign-ins by itself](Cleanup::Automatic).
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store did not answer.
    async fn sweep(&self, now: Timestamp, max: usize) -> Result<Swept, StoreError>;

    /// Returns what the store can keep, and whether it has to be [swept](Self::sweep). The result never
    /// changes.
    ///
    /// The default implementation returns the default of [`StoreBounds`].
    fn bounds(&self) -> StoreBounds {
        StoreBounds::default()
    }

    /// Finishes what the store has begun, and releases what it holds: connections, files and background
    /// tasks. An application calls it once, after its last request.
    ///
    /// What was acknowledged before is kept. Later operations may fail as
    /// [`Unavailable`](crate::StoreErrorKind::Unavailable). The default implementation does nothing, which
    /// suffices for a store that releases everything when it is dropped.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](crate::StoreErrorKind::Unavailable) if the store could not finish what it
    /// has begun.
    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What a store can keep, and whether it has to be swept; see [`Store::bounds`].
///
/// A store needs a bound if its database limits the size of a step or of a key. What exceeds a bound is refused
/// with [`StoreError::out_of_bounds`], which names the bound.
///
/// ```
/// use auth_store::StoreBounds;
///
/// // A transaction of this store evicts at most 99 sign-ins for a new one.
/// let bounds = StoreBounds::default().max_sign_ins(99).max_subject_bytes(1024);
/// # let _ = bounds;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreBounds {
    max_sign_ins: Option<NonZeroU32>,
    max_subject_bytes: Option<usize>,
    max_principal_bytes: Option<usize>,
    cleanup: Cleanup,
}

impl StoreBounds {
    /// The default: no bounds, and [`Cleanup::Sweep`].
    pub const DEFAULT: Self = Self {
        max_sign_ins: None,
        max_subject_bytes: None,
        max_principal_bytes: None,
        cleanup: Cleanup::Sweep,
    };

    /// Sets how many sign-ins a subject may have at most, of kinds that
    /// [count together](SecretKind::counts_with). Defaults to no bound. A store keeps at least 32.
    ///
    /// A subject can have this many of each such group: of devices, of each custom kind, and at most ten pending
    /// ones of each kind. A step on all sign-ins of a subject has to cope with their sum.
    ///
    /// With a bound, [`Store::create`] refuses a call with a higher limit or without a limit. A
    /// [`SignInManager`](crate::SignInManager) lowers its limit to the bound.
    ///
    /// # Panics
    ///
    /// Panics if `max` is less than 32.
    #[must_use]
    pub const fn max_sign_ins(self, max: u32) -> Self {
        assert!(max >= 32, "a store must keep at least 32 sign-ins of a subject");
        Self { max_sign_ins: NonZeroU32::new(max), ..self }
    }

    /// Sets how many bytes a subject may have at most. Defaults to no bound. A store keeps at least 255, as
    /// many as a subject of OpenID Connect may have.
    ///
    /// # Panics
    ///
    /// Panics if `max` is less than 255.
    #[must_use]
    pub const fn max_subject_bytes(self, max: usize) -> Self {
        assert!(max >= 255, "a store must keep subjects of 255 bytes");
        Self { max_subject_bytes: Some(max), ..self }
    }

    /// Sets how many bytes [encoded](crate::encode) roles and claims may have at most. Defaults to no bound.
    /// A store keeps at least 4 KiB.
    ///
    /// # Panics
    ///
    /// Panics if `max` is less than 4 KiB.
    #[must_use]
    pub const fn max_principal_bytes(self, max: usize) -> Self {
        assert!(max >= 4096, "a store must keep roles and claims of 4 KiB");
        Self { max_principal_bytes: Some(max), ..self }
    }

    /// Sets how expired sign-ins are removed. Defaults to [`Cleanup::Sweep`].
    #[must_use]
    pub const fn cleanup(self, cleanup: Cleanup) -> Self {
        Self { cleanup, ..self }
    }

    /// Returns whether the store removes expired sign-ins by itself.
    #[must_use]
    pub const fn is_automatic(&self) -> bool {
        matches!(self.cleanup, Cleanup::Automatic)
    }

    /// Returns this limit, lowered to the bound. If there is a bound but no limit, returns the bound as a limit
    /// that evicts the oldest sign-in.
    #[must_use]
    pub fn lower(&self, limit: Option<SignInLimit>) -> Option<SignInLimit> {
        let Some(most) = self.max_sign_ins else { return limit };
        let when_full = limit.map_or(OverflowPolicy::EvictOldest, |limit| limit.when_full);
        Some(SignInLimit { max: limit.map_or(most, |limit| limit.max.min(most)), when_full })
    }

    /// Returns the bounds that were set, for the conformance suite.
    #[cfg(feature = "conformance")]
    pub(crate) fn set(&self) -> (Option<NonZeroU32>, Option<usize>, Option<usize>) {
        (self.max_sign_ins, self.max_subject_bytes, self.max_principal_bytes)
    }

    /// Checks the arguments of [`Store::create`].
    ///
    /// # Errors
    ///
    /// Returns [`OutOfBounds`](crate::StoreErrorKind::OutOfBounds) if a bound is exceeded.
    pub fn check(&self, record: &Record, limit: Option<SignInLimit>) -> Result<(), StoreError> {
        if let (Some(most), Some(subject)) = (self.max_subject_bytes, &record.subject)
            && subject.len() > most
        {
            return Err(StoreError::out_of_bounds(Bound::SubjectBytes(most)));
        }
        if let (Some(most), true) = (self.max_sign_ins, record.subject.is_some())
            && limit.is_none_or(|limit| limit.max > most)
        {
            return Err(StoreError::out_of_bounds(Bound::SignIns(most)));
        }
        self.check_principal(record.principal())
    }

    /// Checks the new roles and claims of [`Store::update_subject`], of [`Store::swap_principal`], or of a rotation
    /// with a new authentication.
    ///
    /// # Errors
    ///
    /// Returns [`OutOfBounds`](crate::StoreErrorKind::OutOfBounds) if the bound is exceeded.
    pub fn check_principal(&self, principal: &[u8]) -> Result<(), StoreError> {
        match self.max_principal_bytes {
            Some(most) if principal.len() > most => {
                Err(StoreError::out_of_bounds(Bound::PrincipalBytes(most)))
            }
            _ => Ok(()),
        }
    }
}

/// How a store removes expired sign-ins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cleanup {
    /// Only in [`Store::sweep`].
    #[default]
    Sweep,
    /// By itself, so that [`Store::sweep`] need not be called.
    Automatic,
}

/// The result of [`Store::sweep`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// How many sign-ins were removed.
    pub removed: usize,
    /// Whether there may be more. If not, all sign-ins that had expired before the call are gone.
    pub more: bool,
}

/// What a store knows about a sign-in without waiting; see [`Store::peek`].
#[derive(Clone, Copy, Debug)]
pub enum Peek<'a> {
    /// Nothing is known: call [`Store::load`].
    Miss,
    /// A copy, which was current a moment ago. Its last-seen time may be older than the stored one, so
    /// an idle expiry that it shows must be confirmed by [`Store::load`].
    Cached(&'a Arc<Record>),
    /// The stored record, or `None` if there is no such sign-in.
    Authoritative(Option<&'a Arc<Record>>),
}

/// The number of sign-ins that a subject may have at a time, of kinds that
/// [count together](SecretKind::counts_with).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignInLimit {
    /// The maximum number of active sign-ins.
    pub max: NonZeroU32,
    /// What happens to the sign-in that would exceed it.
    pub when_full: OverflowPolicy,
}

/// What happens when a subject with as many sign-ins as allowed signs in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverflowPolicy {
    /// The oldest sign-in ends.
    EvictOldest,
    /// The new sign-in is refused.
    Reject,
}

/// The result of [`Store::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The sign-in is stored.
    Stored {
        /// How many older sign-ins of the subject were evicted for it.
        evicted: usize,
    },
    /// The subject has as many sign-ins as allowed. Nothing was changed.
    LimitReached,
}

/// The result of [`Store::update`] and [`Store::rotate`].
#[derive(Clone, Debug)]
pub enum CompareAndSwap {
    /// The change was stored. This is the new record.
    Stored(Arc<Record>),
    /// Another request has changed the sign-in. Nothing was stored; this is the current record.
    Conflict(Arc<Record>),
    /// There is no such sign-in.
    NotFound,
}

/// The result of [`Store::delete_if_version`].
#[derive(Clone, Debug)]
pub enum Deleted {
    /// The sign-in was deleted.
    Done,
    /// Another request has changed the sign-in. Nothing was deleted; this is the current record.
    Conflict(Arc<Record>),
    /// There is no such sign-in.
    NotFound,
}

/// The result of [`Store::find`]: the sign-in that a secret leads to.
///
/// [`SecretMatch`] compares a secret with a record that is already at hand.
#[derive(Clone, Debug)]
pub enum SecretLookup {
    /// The secret proves this sign-in.
    Current(Arc<Record>),
    /// The secret was replaced a moment ago. Refreshing with it again yields the current secret.
    Rotated(Arc<Record>),
    /// The secret proved this sign-in once and was replaced since. It may have been stolen.
    Reused(Arc<Record>),
    /// The secret belongs to no sign-in: it is forged, of another kind, or its sign-in has ended.
    NotFound,
}

impl SecretLookup {
    /// Compares `secret`, used as one of `kind`, with the record that is stored under its id.
    #[must_use]
    pub fn from_record(
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

/// Converts a store into a type-erased one: accepts a store, an `Arc` of one, or an `Arc<dyn Store>`.
///
/// `SessionAuth::new` and `JwtAuth::sign_in` take this. An `impl Store for Arc<dyn Store>` would allow
/// the same, but box every future twice.
pub trait IntoStore {
    /// Returns the type-erased store.
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
