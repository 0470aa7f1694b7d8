//! Signing in.
//!
//! The credential that the request carried before is invalid afterwards, so that an attacker who
//! planted or stole it does not share the new sign-in (session fixation).

use std::sync::Arc;

use auth_core::{
    AuthError, AuthErrorKind, ReauthenticateOptions, RequestState, SignInId, Timestamp,
};
use http::HeaderMap;

use super::acting::acting;
use super::contention::Backoff;
use super::events::{SignInEvent, count_ended, count_started};
use super::new_sign_in::IssuedSecret;
use super::new_sign_in::{NewSignIn, SecondarySignIn};
use super::roll_back::Step;
use super::sign_in_manager::SignInManager;
use super::update_data::too_large;
use crate::data::{self, SessionData};
use crate::error::{StoreError, StoreErrorKind};
use crate::lifetime::Deadlines;
use crate::record::{Reauthentication, Record, Rotation, RotationGrace, SignInDetails};
use crate::secret::{Nonce, Secret, SecretKind};
use crate::store::{CompareAndSwap, Created, Deleted, SignInLimit};

/// Makes what is delivered together with a secret, before the secret is valid.
pub(super) trait Prepare<T>: FnMut(&IssuedSecret) -> Result<T, AuthError> + Send {}

impl<T, F: FnMut(&IssuedSecret) -> Result<T, AuthError> + Send> Prepare<T> for F {}

impl SignInManager {
    /// Signs a user in without a request: on a command line, in a test, or when an application registers a
    /// device. The caller delivers the secret.
    ///
    /// If the future is dropped before it has completed, a sign-in that it started is rolled back.
    ///
    /// ```
    /// use auth_core::{AuthError, Principal, SignInOptions};
    /// use auth_store::{NewSignIn, SecretKind, SignInManager};
    ///
    /// async fn new_key(keys: &SignInManager) -> Result<String, AuthError> {
    ///     let robot = SignInOptions::new(Principal::new("robot").scope("stock:read"));
    ///     let new = NewSignIn::of(SecretKind::custom("api-key"), &robot, None)?;
    ///     Ok(keys.issue(&new).await?.secret.to_text().to_string())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`sign_in`](Self::sign_in).
    pub async fn issue(&self, new: &NewSignIn) -> Result<IssuedSecret, AuthError> {
        let state = RequestState::new(None, None);
        let issued = self.sign_in(&state, new).await?;
        state.deliver(&mut HeaderMap::new());
        Ok(issued)
    }

    /// Signs a user in, for a request that may have acted for another sign-in until now.
    ///
    /// What happens to that other sign-in depends on its kind and its user:
    ///
    /// - If the new one does not [replace](SecretKind::replaces) its kind, it stays as it is: an API key survives
    ///   the login that it authenticated.
    /// - If it is the same user's, it continues under a new secret, with its data. If one of the two is pending,
    ///   its data moves into the new sign-in, as that of a visitor.
    /// - If it is a visitor's, its data moves into the new sign-in.
    /// - If it is another user's, it ends, and the new sign-in has no data.
    /// - If another user acts in it, it ends as well, together with the sign-in of that user.
    ///
    /// If the new sign-in is one in which the user of the other [acts](auth_core::SignInOptions::acting), the other
    /// continues as it is.
    ///
    /// # Errors
    ///
    /// - [`Unavailable`](AuthErrorKind::Unavailable): the store or the check of the user failed. The new sign-in is
    ///   rolled back.
    /// - [`LimitReached`](AuthErrorKind::LimitReached): the user has as many sign-ins as allowed.
    /// - [`Unauthenticated`](AuthErrorKind::Unauthenticated): the check refuses the user, the identity provider has
    ///   ended the user's session, or a sign-in in which a user acts for another has no actor.
    /// - [`Acting`](AuthErrorKind::Acting): the actor acts for another user already.
    /// - [`TooLarge`](AuthErrorKind::TooLarge): the sign-in exceeds the [bounds](crate::StoreBounds) of the store.
    /// - [`Serialization`](AuthErrorKind::Serialization): the subject begins with U+0001.
    pub async fn sign_in(
        &self,
        state: &RequestState,
        new: &NewSignIn,
    ) -> Result<IssuedSecret, AuthError> {
        let (issued, ()) = self.prepared(state, new, |_| Ok(())).await?;
        Ok(issued)
    }

    async fn prepared<T: Send>(
        &self,
        state: &RequestState,
        new: &NewSignIn,
        mut prepare: impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        let prepare = &mut prepare;
        let now = self.settings.clock.now();
        let old = self.current(state, now).await?;
        if new.kind.is_acting() {
            return self.act(state, old, new, now, prepare).await;
        }
        let old = old.filter(|old| old.kind.replaces(new.kind));
        if let Some(old) = &old {
            self.remember_rotation(state, old.id, now);
        }
        let is_same =
            |old: &Record| old.subject.as_ref() == Some(&new.subject) && old.actor().is_none();
        let is_known = old.as_deref().is_some_and(|old| is_same(old) && !old.is_pending());
        let (kind, _) = self.settings.counted(new.kind);
        let (issued, prepared) = match &old {
            Some(old) if is_same(old) && old.kind.counts_with(kind) => {
                let reauthentication = Reauthentication {
                    at: new.authenticated_at.map_or(now, |at| at.min(now)),
                    seen_at: now,
                    deadlines: self.deadlines(new, now),
                    persistence: new.persistence.unwrap_or(self.settings.persistence),
                    principal: Some(new.principal.clone()),
                    details: new.details.clone(),
                };
                match self.renew(state, old, kind, Some(reauthentication), now, prepare).await? {
                    Some(renewed) => renewed,
                    None => self.start(state, new, now, prepare).await?,
                }
            }
            Some(old) if old.subject.is_none() || is_same(old) => {
                let (ended, started) = self.continue_as(state, old, new, now, prepare).await?;
                count_ended("replaced", usize::from(ended && is_known));
                started
            }
            Some(old) => {
                let started = self.start(state, new, now, prepare).await?;
                if replaces_cookie(old, new.kind) {
                    self.leave_marker(state, old.id, now).await;
                }
                let actor = old.actor().map(|actor| actor.sign_in);
                for id in actor.into_iter().chain([old.id]) {
                    let ended = self.store.delete(&id).await?;
                    count_ended("replaced", usize::from(ended));
                }
                started
            }
            None => self.start(state, new, now, prepare).await?,
        };
        state.signed_in(issued.id());
        tracing::info!(subject = &*new.subject, sign_in = %issued.id(), kind = ?new.kind, "signed in");
        if !new.kind.is_pending() {
            self.started(&issued, is_known, now);
        }
        Ok((issued, prepared))
    }

    /// Counts a sign-in that has started, and tells the application of a device that is not known.
    fn started(&self, issued: &IssuedSecret, is_known: bool, now: Timestamp) {
        count_started(issued.kind);
        if let Some(subject) = issued.subject.clone().filter(|_| !is_known) {
            let event = || SignInEvent::NewDevice { subject, sign_in: issued.info(now) };
            self.settings.events.handle(event);
        }
    }

    /// Signs a user in and delivers the new secret. If any step fails, the sign-in is rolled back: a
    /// new one is deleted, and one that continues gets its old secret back.
    ///
    /// `prepare` makes what is delivered together with the secret. It runs before the store is
    /// changed, and may run twice. If it fails, nothing changes: a sign-in of the same user, which
    /// would have continued under the new secret, keeps its old one.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`sign_in`](Self::sign_in), `prepare` and `deliver`.
    pub async fn sign_in_with<P: Send, T>(
        &self,
        state: &RequestState,
        new: &NewSignIn,
        secondary: SecondarySignIn,
        prepare: impl FnMut(&IssuedSecret) -> Result<P, AuthError> + Send,
        deliver: impl FnOnce(&IssuedSecret, P) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        if let SecondarySignIn::Continue(id) = secondary {
            state.switch_to(id);
        }
        let (issued, prepared) = self.prepared(state, new, prepare).await?;
        if let SecondarySignIn::Replace(id) = secondary {
            self.end(&id).await?;
        }
        deliver(&issued, prepared)
    }

    /// Returns the sign-in that the request acts for, if it has not ended.
    async fn current(
        &self,
        state: &RequestState,
        now: Timestamp,
    ) -> Result<Option<Arc<Record>>, StoreError> {
        let Some(id) = state.sign_in() else { return Ok(None) };
        match self.store.load(&id).await? {
            Some(record) if self.is_active(&record, now).await? => Ok(Some(record)),
            _ => Ok(None),
        }
    }

    /// Starts a sign-in without data. If the request acted for another one, its unsaved changes were
    /// meant for that one and are discarded.
    async fn start<T: Send>(
        &self,
        state: &RequestState,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        if state.sign_in().is_some() {
            state.discard();
        }
        self.create(state, new, SessionData::new(), None, now, prepare).await
    }

    /// Creates the record of a visitor, who has not signed in.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer or is full.
    pub(crate) async fn start_anonymous(
        &self,
        state: &RequestState,
        data: SessionData,
        kind: SecretKind,
    ) -> Result<IssuedSecret, AuthError> {
        if data.bytes() > SessionData::MAX_BYTES {
            return Err(too_large());
        }
        let now = self.settings.clock.now();
        let secret = Secret::generate(self.store.new_id(None)?).map_err(StoreError::unavailable)?;
        let deadlines = Deadlines::starting(self.settings.anonymous_lifetime, now);
        let mut record = Record::new(secret.id(), kind, secret.digests(kind), None, deadlines, now);
        record.data = data;
        let issued = IssuedSecret::new(secret, &record);
        self.store_new(state, record, None).await?;
        Ok(issued)
    }

    /// Stores a new record. It is deleted unless its secret is delivered.
    async fn store_new(
        &self,
        state: &RequestState,
        record: Record,
        limit: Option<SignInLimit>,
    ) -> Result<Created, StoreError> {
        let (id, now) = (record.id, record.created_at);
        self.sweep_if_due(now);
        self.delete_unless_delivered(state, id, Step::Unanswered);
        let created = self.store.create(record, limit).await;
        if !matches!(&created, Err(error) if error.kind() == StoreErrorKind::Unavailable) {
            state.nothing_to_roll_back();
        }
        if let Ok(Created::Stored { .. }) = created {
            self.delete_unless_delivered(state, id, Step::Done);
        }
        created
    }

    /// Creates a sign-in with this data that lasts at most as long as `at_most`.
    pub(super) async fn create<T: Send>(
        &self,
        state: &RequestState,
        new: &NewSignIn,
        data: SessionData,
        at_most: Option<Deadlines>,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(IssuedSecret, T), AuthError> {
        if new.subject.starts_with(Record::RESERVED) {
            let reserved = "a subject must not begin with the character U+0001";
            return Err(AuthError::new(AuthErrorKind::Serialization, reserved));
        }
        let id = self.store.new_id(Some(&new.subject))?;
        let secret = Secret::generate(id).map_err(StoreError::unavailable)?;
        let deadlines = self.deadlines(new, now);
        let deadlines = at_most.map_or(deadlines, |most| deadlines.at_most(most));
        let (digests, subject) = (secret.digests(new.kind), Some(Arc::clone(&new.subject)));
        let (kind, limit) = self.settings.counted(new.kind);
        let mut record = Record::new(id, kind, digests, subject, deadlines, now);
        record.authenticated_at = new.authenticated_at.map_or(now, |at| at.min(now));
        record.persistence = new.persistence.unwrap_or(self.settings.persistence);
        record.details.clone_from(&new.details);
        record.set_principal(new.principal.clone());
        record.data = data;
        let issued = IssuedSecret::new(secret, &record);
        let prepared = prepare(&issued)?;
        let limit = self.store.bounds().lower(limit);
        self.link(id, new.details.as_deref(), deadlines, now).await?;
        match self.store_new(state, record, limit).await? {
            Created::Stored { evicted } => {
                self.check_provider(new.details.as_deref(), now).await?;
                if evicted > 0 {
                    tracing::info!(subject = &*new.subject, evicted, "oldest sign-ins evicted");
                    if !new.kind.is_pending() {
                        count_ended("evicted", evicted);
                    }
                }
                self.check_new_user(state, &issued).await?;
                if evicted > 0 {
                    self.limit_reached(new, evicted);
                }
                Ok((issued, prepared))
            }
            Created::LimitReached => {
                tracing::info!(subject = &*new.subject, "sign-in refused; limit reached");
                self.limit_reached(new, 0);
                Err(AuthError::new(
                    AuthErrorKind::LimitReached,
                    "the user has the maximum number of sign-ins",
                ))
            }
        }
    }

    /// Tells the application that a user has as many sign-ins as allowed. Pending ones, and those in which another user
    /// acts, are none of the user's devices.
    fn limit_reached(&self, new: &NewSignIn, evicted: usize) {
        if new.kind == new.kind.completed() {
            let subject = Arc::clone(&new.subject);
            self.settings.events.handle(|| SignInEvent::LimitReached { subject, evicted });
        }
    }

    fn deadlines(&self, new: &NewSignIn, now: Timestamp) -> Deadlines {
        self.settings.deadlines(new.kind, new.details.as_deref(), now)
    }

    /// Authenticates the user of the request's sign-in again, or finishes a
    /// [pending](ReauthenticateOptions::finishes) one, and delivers the new secret. The old one is invalid at
    /// once. The sign-in keeps its roles and claims, its device, its lifetime and its data, and its timeouts
    /// start again. If a step fails, it gets its old secret and authentication back.
    ///
    /// Or [stops acting](ReauthenticateOptions::stops_acting) for another user, and delivers a new secret of the
    /// actor's own sign-in.
    ///
    /// A pending sign-in continues as a new one, because it counts for the limit of sign-ins only then. If a later
    /// step fails, both end.
    ///
    /// `prepare` makes what is delivered together with the secret, as for [`sign_in_with`](Self::sign_in_with).
    ///
    /// # Errors
    ///
    /// - [`Unauthenticated`](AuthErrorKind::Unauthenticated): the request has no such sign-in, or it has ended.
    /// - [`Acting`](AuthErrorKind::Acting): another user acts in the sign-in although the options do not stop that, or
    ///   no other user acts in it although they do.
    /// - [`LimitReached`](AuthErrorKind::LimitReached): it was pending, and the user has as many sign-ins as allowed.
    /// - [`Unavailable`](AuthErrorKind::Unavailable): the store did not answer.
    /// - The errors of `prepare` and `deliver`.
    pub async fn reauthenticate_with<P: Send, T>(
        &self,
        state: &RequestState,
        options: &ReauthenticateOptions,
        mut prepare: impl FnMut(&IssuedSecret) -> Result<P, AuthError> + Send,
        deliver: impl FnOnce(&IssuedSecret, P) -> Result<T, AuthError>,
    ) -> Result<T, AuthError> {
        let now = self.settings.clock.now();
        let ended = || AuthError::new(AuthErrorKind::Unauthenticated, "the sign-in has ended");
        let old = self.current(state, now).await?;
        let old = old.filter(|old| old.subject.is_some() && old.is_pending() == options.finishes);
        let old = old.ok_or_else(ended)?;
        if old.actor().is_some() != options.stops_acting {
            return Err(acting("the request acts for another user, or it should and does not"));
        }
        self.remember_rotation(state, old.id, now);
        let prepare = &mut prepare;
        let continued = match options.stops_acting {
            true => self.stop_acting(state, &old, now, prepare).await?,
            false => self.authenticate_again(state, &old, options, now, prepare).await?,
        };
        let (issued, prepared) = continued.ok_or_else(ended)?;
        state.signed_in(issued.id());
        deliver(&issued, prepared)
    }

    /// Authenticates the user of a sign-in again, or finishes a pending one. Returns `None` if it has ended.
    async fn authenticate_again<T: Send>(
        &self,
        state: &RequestState,
        old: &Arc<Record>,
        options: &ReauthenticateOptions,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<Option<(IssuedSecret, T)>, AuthError> {
        let former = old.details.as_deref().cloned().unwrap_or_default();
        let (acr, amr) = match options.finishes {
            true => (former.acr, former.amr),
            false => (None, Vec::new()),
        };
        let details = SignInDetails {
            acr: options.acr.clone().or(acr),
            amr: [amr, options.amr.clone()].concat(),
            grace: None,
            auth_hash: options.auth_hash.clone().or(former.auth_hash),
            ..former
        };
        let details = (details != SignInDetails::default()).then(|| Box::new(details));
        let kind = old.kind.completed();
        let continued = if options.finishes {
            let Some(subject) = old.subject.clone() else { return Ok(None) };
            let new = NewSignIn {
                kind,
                subject,
                principal: old.principal().into(),
                details,
                persistence: Some(old.persistence),
                authenticated_at: options.authenticated_at,
            };
            self.finish(state, old, &new, now, prepare).await?
        } else {
            let reauthentication = Reauthentication {
                at: options.authenticated_at.map_or(now, |at| at.min(now)),
                seen_at: now,
                deadlines: self.settings.deadlines(kind, details.as_deref(), now),
                persistence: old.persistence,
                principal: None,
                details,
            };
            self.renew(state, old, old.kind, Some(reauthentication), now, prepare).await?
        };
        tracing::info!(subject = old.subject.as_deref(), sign_in = %old.id, "authenticated again");
        if let Some((issued, _)) = continued.as_ref().filter(|_| options.finishes) {
            self.started(issued, false, now);
        }
        Ok(continued)
    }

    /// Replaces a pending sign-in by one that is not. Returns `None` if the pending one has ended.
    async fn finish<T: Send>(
        &self,
        state: &RequestState,
        pending: &Arc<Record>,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<Option<(IssuedSecret, T)>, AuthError> {
        // Best effort across nodes. On this one, a second click finds the sign-in finished, and starts none that
        // takes the place of the first.
        let _guard = self.locks.lock(&pending.id).await;
        if self.store.load(&pending.id).await?.is_none() {
            return Ok(None);
        }
        let finished = self.continue_locked(state, pending, new, now, prepare).await;
        if let Err(AuthErrorKind::Unauthenticated) = finished.as_ref().map_err(AuthError::kind) {
            self.store.delete(&pending.id).await?; // the user is refused
        }
        let (ended_here, new) = finished?;
        Ok(ended_here.then_some(new))
    }

    /// Gives a sign-in a new secret. The old one is invalid at once. If the user was authenticated again, everything
    /// but the data is replaced. Returns `None` if the sign-in has ended.
    pub(super) async fn renew<T: Send>(
        &self,
        state: &RequestState,
        old: &Arc<Record>,
        kind: SecretKind,
        reauthentication: Option<Reauthentication>,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<Option<(IssuedSecret, T)>, AuthError> {
        let secret = Secret::generate(old.id).map_err(StoreError::unavailable)?;
        let rotation = Rotation {
            kind,
            digests: secret.digests(kind),
            grace: replaces_cookie(old, kind).then(|| without_grace(old, now)),
            reauthentication,
        };
        // A concurrent request may change the roles, but the store has the newest ones for every later request.
        let mut renewed = Record::clone(old);
        rotation.clone().apply(&mut renewed);
        let prepared = prepare(&IssuedSecret::new(secret.clone(), &renewed))?;
        self.link(old.id, renewed.details.as_deref(), renewed.deadlines, now).await?;
        let (mut from, mut backoff) = (Arc::clone(old), Backoff::new());
        loop {
            self.restore_unless_delivered(state, &from, &rotation);
            match self.store.rotate(&old.id, &from.current, rotation.clone()).await? {
                CompareAndSwap::Stored(record) => {
                    let issued = IssuedSecret::new(secret, &record);
                    self.check_new_user(state, &issued).await?;
                    self.check_provider(renewed.details.as_deref(), now).await?;
                    return Ok(Some((issued, prepared)));
                }
                CompareAndSwap::Conflict(newer) => {
                    state.nothing_to_roll_back();
                    from = newer;
                }
                CompareAndSwap::NotFound => {
                    state.nothing_to_roll_back();
                    return Ok(None);
                }
            }
            backoff.pause().await?;
        }
    }

    /// Signs in as a new sign-in of a visitor, or of the same user with another kind of sign-in: the data moves
    /// into the new one, and the old record is deleted. What concurrent requests store in the old record until
    /// then moves as well. Also returns whether this deleted the old record, and no other request.
    async fn continue_as<T: Send>(
        &self,
        state: &RequestState,
        old: &Arc<Record>,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(bool, (IssuedSecret, T)), AuthError> {
        // Best effort: without the lock, compare-and-swap still decides.
        let _guard = self.locks.lock(&old.id).await;
        self.continue_locked(state, old, new, now, prepare).await
    }

    async fn continue_locked<T: Send>(
        &self,
        state: &RequestState,
        old: &Arc<Record>,
        new: &NewSignIn,
        now: Timestamp,
        prepare: &mut impl Prepare<T>,
    ) -> Result<(bool, (IssuedSecret, T)), AuthError> {
        let (issued, prepared) =
            self.create(state, new, old.data.clone(), None, now, prepare).await?;
        if replaces_cookie(old, new.kind) {
            self.leave_marker(state, old.id, now).await;
        }
        let deleted = self.move_data(old, &issued.id()).await?;
        Ok((deleted, (issued, prepared)))
    }

    /// Deletes the old record, and makes in the new one the changes that others made since it was copied. Returns
    /// whether this deleted it, and no other request.
    async fn move_data(&self, old: &Arc<Record>, new: &SignInId) -> Result<bool, AuthError> {
        let (mut copied, mut backoff) = (Arc::clone(old), Backoff::new());
        loop {
            let deleted = match self.store.delete_if_version(&old.id, copied.version).await {
                // Without an answer, it may have happened. That of a user may also have been revoked.
                Err(_) if old.subject.is_none() && self.store.load(&old.id).await?.is_none() => {
                    Deleted::Done
                }
                deleted => deleted?,
            };
            match deleted {
                Deleted::Done => return Ok(true),
                Deleted::NotFound => return Ok(false),
                // The new record has the roles that the user no longer has.
                Deleted::Conflict(newer) if newer.principal() != old.principal() => {
                    let changed = "the roles of the user changed during the sign-in";
                    return Err(AuthError::new(AuthErrorKind::Unavailable, changed));
                }
                Deleted::Conflict(newer) => {
                    let difference = data::difference(&copied.data, &newer.data);
                    self.change(new, &difference).await?;
                    copied = newer;
                    backoff.pause().await?;
                }
            }
        }
    }
}

/// Returns whether a late request could carry a cookie that this sign-in replaces. An older secret of a
/// sign-in that has a token now may have been a cookie.
fn replaces_cookie(old: &Record, new: SecretKind) -> bool {
    [old.kind, new].map(SecretKind::completed).contains(&SecretKind::Cookie)
}

/// Keeps when the secret was replaced, by which every node recognizes a late request with a cookie that was
/// replaced. There is no grace: the old secret is never valid again, whatever the clocks of the nodes.
fn without_grace(old: &Record, now: Timestamp) -> RotationGrace {
    RotationGrace {
        previous: old.current,
        nonce: Nonce::NONE,
        replaced_at: now,
        until: Timestamp::EPOCH,
        user_agent: None,
    }
}
