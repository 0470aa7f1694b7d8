//! [`SignInManager`], which manages the sign-ins of one store, and its [`SignInSettings`].
//!
//! The manager lists and ends sign-ins here, and changes users' roles; the other files of the module
//! start, refresh and authenticate. The settings have one set of builder methods, which both backends
//! get from one macro, so an option has the same name, default and documentation on both.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use auth_core::{
    AuthError, AuthErrorKind, BoxFuture, Clock, EndReason, Lifetime, Persistence, Revoke, SignInId,
    SignInInfo, StoredSignIns, Timestamp,
};
use http::HeaderValue;
use serde::Serialize;
use serde_json::value::RawValue;

use super::asking_again::AskingAgain;
use super::background;
use super::contention::{Backoff, KeyedLocks};
use super::events::{EventHandler, count_ended};
use super::recent_rotations::RecentRotations;
use super::sweeper::Sweeper;
use super::user_check::UserChecks;
use crate::error::{StoreError, StoreErrorKind};
use crate::lifetime::{Deadlines, Expiry};
use crate::record::{self, Record, SignInDetails};
use crate::secret::SecretKind;
use crate::store::{Deleted, OverflowPolicy, Peek, SignInLimit, Store};

/// Starts, refreshes, lists and ends the sign-ins of one store, according to [`SignInSettings`].
///
/// Every one to two minutes, when a sign-in is started or used, the manager also removes expired ones in the
/// background, unless the store [does so by itself](crate::Cleanup::Automatic).
///
/// Backends use it to issue and check credentials. Applications use [`Auth`](auth_core::Auth) in a
/// request, and a backend's `sign_in_manager()` for administration.
#[derive(Clone, Debug)]
pub struct SignInManager {
    /// The store without the wrapper that repeats calls, for calls that never wait or are repeated anyway.
    pub(super) direct: Arc<dyn Store>,
    pub(super) store: Arc<dyn Store>,
    pub(super) locks: Arc<KeyedLocks>,
    pub(super) recent_rotations: Arc<RecentRotations>,
    pub(super) sweeper: Arc<Sweeper>,
    /// How sign-ins are kept: for how long, how many, and by which clock.
    pub settings: SignInSettings,
}

impl SignInManager {
    /// Creates a manager with the default settings.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store: Arc::new(AskingAgain(Arc::clone(&store))),
            direct: store,
            locks: Arc::default(),
            recent_rotations: Arc::default(),
            sweeper: Arc::default(),
            settings: SignInSettings::default(),
        }
    }

    /// Returns the store that the manager was created with, in a wrapper. While a call is
    /// [`Contended`](crate::StoreErrorKind::Contended), the wrapper repeats it for up to three seconds.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Calls `see` with what the store knows about a sign-in, [without waiting](Store::peek).
    pub(crate) fn peek(&self, id: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
        self.direct.peek(id, see);
    }

    /// Returns whether this node has replaced the secret of this sign-in within the last minute. A
    /// request with another secret is then more likely late than forged.
    #[must_use]
    pub fn recently_rotated(&self, id: &SignInId) -> bool {
        self.recent_rotations.has(id, self.settings.clock.now())
    }

    pub(crate) fn locks(&self) -> &KeyedLocks {
        &self.locks
    }

    /// Returns whether the last-seen time of a sign-in should be written: at most once per
    /// [interval](SignInSettings::touch_interval).
    #[must_use]
    pub fn touch_is_due(&self, record: &Record, now: Timestamp) -> bool {
        self.settings.touch_is_due(record, now)
    }

    /// Writes the last-seen time of a sign-in, in the background.
    pub fn touch(&self, id: SignInId, now: Timestamp) {
        let store = Arc::clone(&self.store);
        background::run("touch", async move { store.touch(&id, now).await });
        self.sweep_if_due(now);
    }

    /// Deletes a sign-in that has reached a deadline, in the background. One that was used or renewed
    /// since the record was read is kept.
    pub fn expire(&self, record: &Record, expiry: Expiry) {
        let (store, id) = (Arc::clone(&self.store), record.id);
        let (version, counts) = (record.version, record.subject.is_some() && !record.is_pending());
        tracing::info!(sign_in = %id, ?expiry, "sign-in expired");
        background::run("delete", async move {
            let deleted = match expiry {
                Expiry::Idle { last_seen } => store.delete_if_idle(&id, last_seen).await?,
                Expiry::Absolute => {
                    matches!(store.delete_if_version(&id, version).await?, Deleted::Done)
                }
            };
            count_ended("expired", usize::from(deleted && counts));
            Ok(())
        });
    }

    /// Ends a sign-in whose client signs out. Does nothing if it has ended already. If a user acts for another in it,
    /// the actor's own sign-in ends first, because the client has no other credential for that one.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if it may not have ended.
    pub async fn end(&self, id: &SignInId) -> Result<(), AuthError> {
        let own = self.own_sign_in(id).await?;
        for id in own.iter().chain([id]) {
            if self.store.delete(id).await? {
                tracing::info!(sign_in = %id, "signed out");
                count_ended("signed out", 1);
            }
        }
        Ok(())
    }

    /// Returns the sign-ins of a subject that have not ended and are not pending, oldest first. One whose record cannot
    /// be decoded is left out and logged. It proves nothing, and ends with the others when they are revoked.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        let now = self.settings.clock.now();
        let mut active = Vec::new();
        for record in self.store.list_each(subject).await? {
            match self.listed(record, now).await {
                Ok(listed) => active.extend(listed),
                Err(error) if error.kind() == StoreErrorKind::Invalid => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(subject, error, "sign-in not listed; it cannot be decoded");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(active)
    }

    async fn listed(
        &self,
        record: Result<Arc<Record>, StoreError>,
        now: Timestamp,
    ) -> Result<Option<SignInInfo>, StoreError> {
        let record = record?;
        let is_listed = !record.is_pending() && self.is_active(&record, now).await?;
        Ok(is_listed.then(|| record.info()))
    }

    /// Replaces roles and claims in all sign-ins of a subject, and returns their number. Every credential of
    /// the subject has the new ones at its next use. How and when each sign-in was authenticated does not
    /// change.
    ///
    /// A sign-in of a [custom](crate::SecretKind::custom) kind, such as an API key, has at most the roles that it
    /// was created with: it loses those that the user loses, and gains none. Scopes do not change. Its claims are
    /// replaced like those of the others, so a permission that only some sign-ins have belongs in a scope.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if some sign-ins may not have changed;
    /// [`Serialization`](AuthErrorKind::Serialization) if the claims cannot be serialized;
    /// [`TooLarge`](AuthErrorKind::TooLarge) if roles and claims exceed the [bounds](crate::StoreBounds) of the store.
    pub async fn update_claims<C: Serialize + Sync>(
        &self,
        subject: &str,
        roles: &[&str],
        claims: &C,
    ) -> Result<usize, AuthError> {
        let encoded =
            record::encode(&roles.iter().map(|role| (*role).into()).collect::<Vec<_>>(), claims);
        let encoded = encoded.map_err(serialization)?;
        if subject.starts_with(Record::RESERVED) {
            return Ok(0);
        }
        let updated = self.store.update_subject(subject, &encoded).await?;
        tracing::info!(subject, updated, ?roles, "roles and claims replaced");
        Ok(updated)
    }

    /// Gives a user this role in all sign-ins that lack it, and returns their number. Other roles and the claims
    /// stay as they are, even if they change at the same time. The same holds for
    /// [custom](crate::SecretKind::custom) kinds as for [`update_claims`](Self::update_claims).
    ///
    /// ```
    /// use auth_store::SignInManager;
    ///
    /// # async fn promote(manager: &SignInManager) -> Result<(), auth_core::AuthError> {
    /// manager.grant_role("alice", "editor").await?;
    /// manager.revoke_role("alice", "trainee").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// The application first stores the user's roles itself, because a later sign-in takes them from there. If the roles
    /// do not fit into an access token of `JwtAuth`, the next refresh issues one without any roles, and logs a warning.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if some sign-ins may not have changed,
    /// [`TooLarge`](AuthErrorKind::TooLarge) if the roles exceed the [bounds](crate::StoreBounds) of the store, and
    /// [`Serialization`](AuthErrorKind::Serialization) if the stored claims cannot be read.
    pub async fn grant_role(&self, subject: &str, role: &str) -> Result<usize, AuthError> {
        let grant = |roles: &mut Vec<Box<str>>| {
            if !roles.iter().any(|own| **own == *role) {
                roles.push(role.into());
            }
        };
        let changed = self.change_roles(subject, grant).await?;
        tracing::info!(subject, role, changed, "role granted");
        Ok(changed)
    }

    /// Takes this role from a user in all sign-ins that have it, and returns their number. Otherwise like
    /// [`grant_role`](Self::grant_role).
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`grant_role`](Self::grant_role).
    pub async fn revoke_role(&self, subject: &str, role: &str) -> Result<usize, AuthError> {
        let revoke = |roles: &mut Vec<Box<str>>| roles.retain(|own| **own != *role);
        let changed = self.change_roles(subject, revoke).await?;
        tracing::info!(subject, role, changed, "role revoked");
        Ok(changed)
    }

    /// Changes the roles of each sign-in by compare-and-swap, until none is left to change.
    async fn change_roles(
        &self,
        subject: &str,
        change: impl Fn(&mut Vec<Box<str>>),
    ) -> Result<usize, AuthError> {
        if subject.starts_with(Record::RESERVED) {
            return Ok(0);
        }
        let (mut changed, mut backoff) = (0, Backoff::new());
        loop {
            let mut found: Vec<Box<[u8]>> = Vec::new();
            let mut unreadable = None; // does not stop the changes of the others
            for record in self.store.list_each(subject).await? {
                let record = match record {
                    Ok(record) => record,
                    Err(error) => {
                        unreadable = Some(error);
                        continue;
                    }
                };
                if !found.iter().any(|principal| **principal == *record.principal()) {
                    found.push(record.principal().into());
                }
            }
            let mut left = false;
            for from in found {
                let decoded = record::decode::<Box<RawValue>>(&from);
                let (old, claims) = decoded.map_err(serialization)?;
                let mut new = old.clone();
                change(&mut new);
                if new != old {
                    let to = record::encode(&new, &claims).map_err(serialization)?;
                    changed += self.store.swap_principal(subject, &from, &to).await?;
                    left = true;
                }
            }
            if !left {
                return unreadable.map_or(Ok(changed), |error| Err(error.into()));
            }
            backoff.pause().await?;
        }
    }

    /// Ends sign-ins of a subject, of every kind, and returns their number.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if some may not have ended.
    pub async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        if subject.starts_with(Record::RESERVED) {
            return Ok(0);
        }
        let ended = match which {
            Revoke::One(id) => usize::from(self.store.revoke(subject, &id).await?),
            Revoke::AllExcept(keep) => self.store.revoke_others(subject, &keep).await?,
            Revoke::All => self.store.revoke_subject(subject).await?,
        };
        if ended > 0 {
            tracing::info!(subject, ended, ?which, "sign-ins revoked");
            count_ended("revoked", ended);
        }
        Ok(ended)
    }
}

fn serialization(error: serde_json::Error) -> AuthError {
    AuthError::new(AuthErrorKind::Serialization, error)
}

/// How many sign-ins a user may have at a time by default: more than anyone has devices, and few enough
/// that listing or ending all of them is quick.
const MAX_SIGN_INS: NonZeroU32 = NonZeroU32::new(1000).expect("not zero");

/// How long a second factor may take.
const PENDING: Duration = Duration::from_secs(600);

/// How many pending sign-ins of one kind a user may have at a time, and how many in which another user acts. A
/// further one evicts the oldest.
const MAX_BESIDE: SignInLimit = SignInLimit {
    max: NonZeroU32::new(10).expect("not zero"),
    when_full: OverflowPolicy::EvictOldest,
};

/// The default interval between two writes of the last-seen time if there is no idle timeout, in
/// milliseconds. The time then only informs the user.
const HOUR: u64 = 3_600_000;

#[async_trait]
impl StoredSignIns for SignInManager {
    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        self.list(subject).await
    }

    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        self.revoke(subject, which).await
    }

    async fn pending_subject(&self, id: SignInId) -> Result<Option<Arc<str>>, AuthError> {
        let now = self.settings.clock.now();
        let record = self.store.load(&id).await?;
        let pending = record.filter(|record| record.is_pending() && record.expiry(now).is_none());
        Ok(pending.and_then(|record| record.subject.clone()))
    }

    fn ended(&self, id: SignInId, authenticated_at: Option<Timestamp>) -> BoxFuture<EndReason> {
        self.ended(id, authenticated_at)
    }
}

/// How a [`SignInManager`](crate::SignInManager) keeps sign-ins.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignInSettings {
    /// The clock that decides what has expired. Defaults to the system's clock.
    pub clock: Clock,
    /// How long a sign-in lasts. Defaults to [`Lifetime::AAL2`].
    pub lifetime: Lifetime,
    /// How long the data of a visitor who has not signed in is kept. Defaults to one day, and 30
    /// minutes without a request.
    pub anonymous_lifetime: Lifetime,
    /// How many sign-ins a user may have at a time, of kinds that
    /// [count together](crate::SecretKind::counts_with). Defaults to 1,000; a further one evicts the
    /// oldest. The [bound](crate::StoreBounds::max_sign_ins) of the store applies if it is lower. Pending
    /// sign-ins do not count, and neither do those in which another user [acts](auth_core::Auth::act_as): a user has
    /// at most ten of each kind, and a further one evicts the oldest.
    /// Without a limit (`None`), operations on all sign-ins of a user take as long as there are
    /// sign-ins.
    pub limit: Option<SignInLimit>,
    /// The limits of kinds that have one of their own, and do not count with others. Of several limits of one kind, the
    /// last one applies. Defaults to none. A sign-in from before its kind had a limit of its own still counts towards
    /// [`limit`](Self::limit).
    pub limit_of: Vec<(SecretKind, SignInLimit)>,
    /// Whether cookies outlive the browser session, unless a sign-in chooses otherwise. Defaults to
    /// [`Persistence::Session`].
    pub persistence: Persistence,
    /// The shortest time between two writes of the last-seen time. Defaults to `None`: 1/20 of the
    /// idle timeout, or one hour without an idle timeout.
    pub touch_interval: Option<Duration>,
    /// How long a cookie that was refreshed is still accepted. Defaults to ten seconds. Until the new
    /// secret is used, a refresh may be repeated for this time or one minute, whichever is longer; with
    /// zero, never. See [`RotationGrace`](crate::RotationGrace).
    pub refresh_grace: Duration,
    /// The value of `Clear-Site-Data` at sign-out. Defaults to `None`: no such header.
    pub clear_site_data: Option<HeaderValue>,
    /// What the application does at [events](SignInSettings::on_event). Defaults to nothing.
    pub(super) events: EventHandler,
    /// The application's [check](SignInSettings::check_user) of its users. Defaults to `None`.
    pub user_check: Option<UserChecks>,
    /// How long a request may rely on the last check of its user. Defaults to `None`: requests do not check
    /// users.
    pub user_check_age: Option<Duration>,
}

impl Default for SignInSettings {
    fn default() -> Self {
        let (half_an_hour, day) = (Duration::from_secs(1800), Duration::from_secs(24 * 3600));
        Self {
            clock: Clock::system(),
            lifetime: Lifetime::default(),
            anonymous_lifetime: Lifetime::new(Some(half_an_hour), day).unwrap_or_default(),
            limit: Some(SignInLimit { max: MAX_SIGN_INS, when_full: OverflowPolicy::EvictOldest }),
            limit_of: Vec::new(),
            persistence: Persistence::Session,
            touch_interval: None,
            refresh_grace: Duration::from_secs(10),
            clear_site_data: None,
            events: EventHandler::default(),
            user_check: None,
            user_check_age: None,
        }
    }
}

impl SignInSettings {
    /// Returns the kind as which a sign-in with this kind of secret is stored, and its limit.
    pub(super) fn counted(&self, kind: SecretKind) -> (SecretKind, Option<SignInLimit>) {
        if kind != kind.completed() {
            return (kind, Some(MAX_BESIDE));
        }
        match self.limit_of.iter().rfind(|(of, _)| *of == kind) {
            Some((_, limit)) => (kind.apart(), Some(*limit)),
            None => (kind, self.limit),
        }
    }

    /// Returns the deadlines of a sign-in of this kind with these details that starts now.
    pub(super) fn deadlines(
        &self,
        kind: SecretKind,
        details: Option<&SignInDetails>,
        now: Timestamp,
    ) -> Deadlines {
        let lifetime = details.and_then(|details| details.lifetime).unwrap_or(self.lifetime);
        let deadlines = Deadlines::starting(lifetime, now);
        match kind.is_pending() {
            true => Deadlines { ends_at: deadlines.ends_at.min(now + PENDING), ..deadlines },
            false => deadlines,
        }
    }

    /// Returns whether the last-seen time of a record should be written.
    ///
    /// Each record adds up to a quarter of the interval, by its id, so that sign-ins that were
    /// touched at the same moment are not written at the same moment again.
    pub(super) fn touch_is_due(&self, record: &Record, now: Timestamp) -> bool {
        // In milliseconds: `Duration` divides, and this runs on every request.
        let idle = u64::from(record.deadlines.idle_secs) * 1000;
        let asked = self.touch_interval.map(|every| (Timestamp::EPOCH + every).as_millis());
        let every = match idle {
            0 => asked.unwrap_or(HOUR),
            // A use that is never written would not extend the sign-in.
            idle => asked.unwrap_or(idle / 20).min(idle / 2),
        };
        let [.., last] = *record.id.as_bytes();
        let jitter = (every / 1024).saturating_mul(u64::from(last));
        let unseen = now.as_millis().saturating_sub(record.last_seen().as_millis());
        unseen >= every.saturating_add(jitter)
    }
}

impl SignInSettings {
    /// Returns whether the user of this sign-in has to be checked before a request may pass.
    pub(super) fn user_check_is_due(&self, id: &SignInId, now: Timestamp) -> bool {
        match (&self.user_check, self.user_check_age) {
            (Some(checks), Some(age)) => checks.is_due(id, age, now),
            _ => false,
        }
    }

    /// Returns whether the browser's cookie of a persistent sign-in should be set again. Called when the
    /// last-seen time is due to be written.
    ///
    /// Browsers keep a cookie for at most 400 days, and no cookie was ever sent that lasts longer. So the
    /// first use in each period of 20 days sets it again, if the sign-in lasts longer than 400 days. The
    /// last-seen time shows whether it is the first.
    pub(super) fn cookie_is_due(&self, record: &Record, now: Timestamp) -> bool {
        const DAY: u64 = 24 * HOUR;
        if record.persistence == Persistence::Session {
            return false;
        }
        let since = |start: Timestamp, at: Timestamp| {
            at.as_millis().saturating_sub(start.as_millis()) / DAY
        };
        let start = record.authenticated_at;
        let period = |at| since(start, at) / 20;
        since(start, record.deadlines.ends_at) >= 400 && period(record.last_seen()) < period(now)
    }
}

/// Defines the builder methods for [`SignInSettings`] on a backend that issues secrets of these kinds. It has a method
/// `change_settings(self, impl FnOnce(&mut SignInSettings)) -> Self` and a method
/// `sign_in_manager(&self) -> &SignInManager`.
#[doc(hidden)]
#[macro_export]
macro_rules! sign_in_options {
    ($($issued:ident),+) => {
        /// Sets how long a sign-in lasts, unless it has a [lifetime](auth_core::SignIn::lifetime) of its own.
        /// Takes a preset such as [`Lifetime::AAL1`], or your own.
        ///
        /// Defaults to [`Lifetime::AAL2`]: one day, and one hour without a request. Later calls of
        /// `idle_timeout` and `absolute_timeout` change one of the two.
        ///
        /// [`Lifetime::AAL1`]: auth_store::Lifetime::AAL1
        /// [`Lifetime::AAL2`]: auth_store::Lifetime::AAL2
        pub fn lifetime(self, lifetime: $crate::Lifetime) -> Self {
            self.change_settings(|settings| settings.lifetime = lifetime)
        }

        /// Sets how long a sign-in lasts without a request, in whole seconds. Defaults to one hour. The
        /// [absolute timeout](Self::absolute_timeout), which defaults to one day, ends it in any case.
        ///
        /// # Panics
        ///
        /// Panics if `idle` is shorter than one second.
        pub fn idle_timeout(self, idle: ::std::time::Duration) -> Self {
            self.change_settings(|settings| {
                let lifetime = $crate::Lifetime::new(Some(idle), settings.lifetime.absolute());
                settings.lifetime = lifetime.expect("`idle_timeout` must be at least 1 second");
            })
        }

        /// Sets how long a sign-in lasts whatever the user does. Defaults to one day.
        ///
        /// # Panics
        ///
        /// Panics if `absolute` is shorter than one second.
        pub fn absolute_timeout(self, absolute: ::std::time::Duration) -> Self {
            self.change_settings(|settings| {
                let lifetime = $crate::Lifetime::new(settings.lifetime.idle(), absolute);
                settings.lifetime = lifetime.expect("`absolute_timeout` must be at least 1 second");
            })
        }

        /// Limits how many sign-ins a user may have at a time, and sets what happens at the next
        /// one. Defaults to 1,000; a further one evicts the oldest. Sessions and tokens in one store count
        /// together. Each custom kind of a backend of your own counts by itself: see
        /// [`SecretKind::counts_with`].
        ///
        /// [`SecretKind::counts_with`]: auth_store::SecretKind::counts_with
        ///
        /// # Panics
        ///
        /// Panics if `max` is zero.
        pub fn max_sign_ins(self, max: u32, when_full: $crate::OverflowPolicy) -> Self {
            let max = ::std::num::NonZeroU32::new(max).expect("`max_sign_ins` must be at least 1");
            self.change_settings(|settings| {
                settings.limit = Some($crate::SignInLimit { max, when_full });
            })
        }

        /// Limits how many sign-ins of one kind a user may have at a time. They no longer count with the others, so
        /// that browsers have a limit of their own, apart from that of apps. Defaults to no such limits: sign-ins of
        /// all kinds count [together](Self::max_sign_ins).
        ///
        /// A `SessionAuth` issues [`SecretKind::Cookie`] to browsers and [`SecretKind::Bearer`] to apps. All sign-ins of
        /// a `JwtAuth` are of the kind [`SecretKind::Refresh`], even if the tokens are in cookies. There, this option
        /// counts them apart from those of other backends: to give browsers and apps limits of their own, combine a
        /// `SessionAuth` for browsers with a `JwtAuth` for apps by `any_of`, and call it on each for its own kind.
        ///
        /// A sign-in from before this option was set counts with the others, until it ends or its user signs in again.
        ///
        /// [`SecretKind::Cookie`]: auth_store::SecretKind::Cookie
        /// [`SecretKind::Bearer`]: auth_store::SecretKind::Bearer
        /// [`SecretKind::Refresh`]: auth_store::SecretKind::Refresh
        ///
        /// # Panics
        ///
        /// Panics if `max` is zero, or this backend does not issue sign-ins of this kind.
        pub fn max_sign_ins_of(
            self,
            kind: $crate::SecretKind,
            max: u32,
            when_full: $crate::OverflowPolicy,
        ) -> Self {
            let max = ::std::num::NonZeroU32::new(max);
            let max = max.expect("`max_sign_ins_of` must be at least 1");
            let issued = [$($crate::SecretKind::$issued),+];
            assert!(
                issued.contains(&kind),
                "`max_sign_ins_of` must be called on the backend that issues sign-ins of the kind {kind:?}: \
                 this one issues {issued:?}"
            );
            self.change_settings(|settings| {
                settings.limit_of.push((kind, $crate::SignInLimit { max, when_full }));
            })
        }

        /// Calls `handle` when something happens that users or operators should know of, such as a
        /// [new device](auth_store::SignInEvent::NewDevice) or the
        /// [reuse](auth_store::SignInEvent::RefreshTokenReused) of a refresh token. Defaults to nothing. With `any_of`,
        /// set it on each backend.
        ///
        /// The request waits for `handle`, so it must be quick: let it send the event to a channel, or spawn the task
        /// that sends a mail. It is called after the store has changed and before the client has its response. If the
        /// response is lost, the sign-in of the event may be rolled back.
        pub fn on_event(
            self,
            handle: impl Fn($crate::SignInEvent) + Send + Sync + 'static,
        ) -> Self {
            self.change_settings(|settings| settings.on_event(handle))
        }

        /// Remembers users on their devices, unless a sign-in chooses otherwise: cookies get a
        /// `Max-Age` of at most 400 days. Defaults to cookies that end with the browser session.
        ///
        /// Browsers keep no cookie for longer. If a sign-in lasts longer than 400 days, its cookie is set again
        /// while it is used: a session cookie once in 20 days, and a refresh cookie with each refresh.
        pub fn persistent(self) -> Self {
            self.change_settings(|settings| {
                settings.persistence = ::auth_core::Persistence::Persistent;
            })
        }

        /// Sets the shortest time between two writes of the last-seen time of a sign-in.
        ///
        /// Defaults to 1/20 of the idle timeout, or to one hour without an idle timeout. It is never
        /// more than half the idle timeout. Each sign-in adds up to a quarter of the interval, depending on its
        /// id. A sign-in can reach its idle timeout early by at most this sum. With zero, every request writes it.
        pub fn touch_interval(self, interval: ::std::time::Duration) -> Self {
            self.change_settings(|settings| settings.touch_interval = Some(interval))
        }

        /// Sets how long requests with a session cookie that was refreshed are still accepted, because they
        /// may have been sent before the new one arrived. Defaults to ten seconds.
        ///
        /// A client that lost the response, or refreshed twice at the same time, can repeat a refresh with
        /// the old cookie or refresh token, for this time or one minute, whichever is longer. It yields the
        /// same new secret, until that is used for the first time. After that, a repeated refresh
        /// token ends its sign-in, because two clients have it. A repeated cookie does not: it is
        /// more likely late than stolen. With zero, no refresh can be repeated, and an old secret is
        /// invalid at once; a refresh whose response is not sent is undone.
        ///
        /// A sign-in, even one of the same user, invalidates the old secret at once in any case.
        pub fn refresh_grace(self, grace: ::std::time::Duration) -> Self {
            self.change_settings(|settings| settings.refresh_grace = grace)
        }

        /// Sets the header `Clear-Site-Data` of the response to a sign-out, such as
        /// `"cache", "storage"` with its quotes. Defaults to no such header.
        pub fn clear_site_data(self, value: ::http::HeaderValue) -> Self {
            self.change_settings(|settings| settings.clear_site_data = Some(value))
        }

        /// Lets the application check the user of every sign-in: after the sign-in is stored and before its
        /// credential is delivered, at every refresh, and at every new authentication. Defaults to no check.
        ///
        /// If `check` returns `Ok(false)`, the sign-in ends, and the client gets 401. If it returns an error,
        /// the client gets 503; a new sign-in is rolled back, and an existing one stays as it is.
        ///
        /// An application that disables a user, or changes a password, first stores this change and then
        /// revokes the user's sign-ins. With this check, a login that is in progress meanwhile fails. Without
        /// it, the login may store its sign-in after the revocation.
        ///
        /// ```ignore
        /// let auth = auth.check_user(move |user: UserCheck| {
        ///     let users = users.clone();
        ///     async move { Ok(users.find(&user.subject).await?.is_some_and(|found| found.is_active)) }
        /// });
        /// ```
        ///
        /// To end the other sign-ins of a user whose password changes, without revoking them, set
        /// [`SignIn::auth_hash`](auth_core::SignIn::auth_hash) and compare it here. With `any_of`, set the
        /// check on each backend.
        pub fn check_user<F, A>(self, check: F) -> Self
        where
            F: Fn($crate::UserCheck) -> A + Send + Sync + 'static,
            A: ::std::future::Future<Output = Result<bool, auth_core::BoxError>> + Send + 'static,
        {
            self.change_settings(|settings| settings.check_user(check))
        }

        /// Also [checks](Self::check_user) the user at requests, unless this node has checked the user of the
        /// same sign-in within `age`. With zero, every request checks its user. Defaults to no checks at
        /// requests. Has no effect without `check_user`.
        ///
        /// If the application disables a user and does not revoke the user's sign-ins, their requests are
        /// refused after this time at the latest. A response that has begun, such as a stream, is not
        /// checked. Neither are requests without a stored sign-in, such as those with a token of another
        /// issuer.
        pub fn check_user_every(self, age: ::std::time::Duration) -> Self {
            self.change_settings(|settings| settings.user_check_age = Some(age))
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifetime::Deadlines;
    use crate::secret::{Secret, SecretKind};
    use crate::stores::MemoryStore;

    /// Regression: the last-seen time was read again when the sign-in was deleted, so that a use in
    /// between did not keep it.
    #[tokio::test]
    async fn sec_85_a_use_after_an_idle_expiry_was_judged_keeps_the_sign_in() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let (id, start) = (SignInId::from_bytes([1; 16]), Timestamp::from_secs(1000));
        let digests = Secret::generate(id).unwrap().digests(SecretKind::Cookie);
        let limits = Deadlines::starting(Lifetime::AAL2, start);
        let record =
            Record::new(id, SecretKind::Cookie, digests, Some("ada".into()), limits, start);
        manager.store.create(record, None).await.unwrap();
        let record = manager.store.load(&id).await.unwrap().unwrap();
        let now = start + Duration::from_secs(3600);

        let expiry = record.expiry(now).unwrap();
        manager.store.touch(&id, now).await.unwrap();
        manager.expire(&record, expiry);
        assert!(manager.store.load(&id).await.unwrap().is_some(), "it was used");

        let later = now + Duration::from_secs(3600);
        manager.expire(&record, record.expiry(later).unwrap());
        assert!(manager.store.load(&id).await.unwrap().is_none(), "it was not used again");
    }

    /// A subject that has 100,000 sign-ins, from before there was a limit, has 1,000 after the next one.
    #[tokio::test]
    async fn sec_102_a_subject_has_a_thousand_sign_ins_at_most() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let limit = manager.settings.limit;
        assert_eq!(limit.unwrap().max.get(), 1000);
        let store = &manager.store;
        let sign_in = async |number: u64, limit| {
            let id = store.new_id(Some("ada")).unwrap();
            let digests = Secret::generate(id).unwrap().digests(SecretKind::Cookie);
            let at = Timestamp::from_millis(1_000_000 + number);
            let deadlines = Deadlines::starting(Lifetime::AAL1, at);
            let subject = Some("ada".into());
            let record = Record::new(id, SecretKind::Cookie, digests, subject, deadlines, at);
            store.create(record, limit).await.unwrap();
            id
        };
        for number in 0..100_000 {
            sign_in(number, None).await;
        }
        let mut newest = sign_in(100_000, limit).await;
        for number in 100_001..100_100 {
            newest = sign_in(number, limit).await;
            let listed = store.list("ada").await.unwrap();
            assert_eq!(listed.len(), 1000);
            assert_eq!(listed.last().unwrap().id, newest);
            assert_eq!(listed[0].created_at, Timestamp::from_millis(1_000_000 + number - 999));
        }
        assert_eq!(store.update_subject("ada", &[]).await.unwrap(), 1000);
        assert_eq!(store.revoke_others("ada", &newest).await.unwrap(), 999);
        assert_eq!(store.revoke_subject("ada").await.unwrap(), 1);
    }
}
