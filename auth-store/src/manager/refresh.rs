//! Refreshing: replacing the secret of a sign-in that continues.
//!
//! Reuse of a replaced refresh token is detected here, and ends the sign-in.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use auth_core::{
    AuthError, AuthErrorKind, RejectionReason, RequestState, SignInContext, Timestamp,
};
use sha2::{Digest as _, Sha256};

use super::contention::Backoff;
use super::events::{SignInEvent, count_ended};
use super::new_sign_in::IssuedSecret;
use super::sign_in_manager::SignInManager;

use crate::error::StoreError;
use crate::record::{Record, Rotation, RotationGrace, SecretMatch};
use crate::secret::{Nonce, Secret, SecretKind};
use crate::store::CompareAndSwap;

/// An error for a secret that cannot be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshError {
    /// Why the secret cannot be refreshed.
    pub reason: RejectionReason,
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret cannot be refreshed: {}", self.reason)
    }
}

impl Error for RefreshError {}

/// How often a node returns the same new secret again. A browser may refresh in many tabs at once.
const MAX_REPEATS: u32 = 64;

/// Returns a hash by which two requests of one client can be recognized.
fn hash_user_agent(user_agent: Option<&str>) -> u64 {
    let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = Sha256::digest(user_agent.unwrap_or("")).into();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn refused(reason: RejectionReason) -> AuthError {
    tracing::info!(%reason, "refresh refused");
    AuthError::new(AuthErrorKind::Unauthenticated, RefreshError { reason })
}

/// What a refresh keeps in the request's state: the new secret, and what it is used as.
struct Refreshed(Secret, SecretKind);

impl Refreshed {
    fn of(state: &RequestState) -> Option<Arc<Self>> {
        state.refreshed()?.downcast().ok()
    }

    fn is(&self, secret: &Secret, kind: SecretKind) -> bool {
        self.1 == kind && self.0.digest(kind) == secret.digest(kind)
    }
}

/// Makes the request act for the new secret, and returns it.
fn refreshed(
    state: &RequestState,
    secret: Secret,
    kind: SecretKind,
    record: &Record,
) -> IssuedSecret {
    state.switch_to(record.id);
    state.set_refreshed(Arc::new(Refreshed(secret.clone(), kind)));
    IssuedSecret::new(secret, record)
}

impl SignInManager {
    /// Returns the secret that replaced `own` in a [refresh](Self::refresh) by this request, or `own` if none
    /// did. A backend calls this for each secret in the request's head, so that the request acts for the new
    /// one at once.
    #[must_use]
    pub fn newest_secret(state: &RequestState, own: Secret, kind: SecretKind) -> Secret {
        match Refreshed::of(state).as_deref() {
            Some(Refreshed(new, of)) if *of == kind && new.id() == own.id() => new.clone(),
            _ => own,
        }
    }

    /// Replaces the secret of a sign-in. Its deadlines, roles and authentication do not change.
    ///
    /// A refresh token or a cookie that is refreshed again within the
    /// [grace](crate::RotationGrace::repeatable_until) yields the same new secret, if that was never used. So
    /// concurrent refreshes all succeed, and a refresh whose response was lost can be repeated. Each
    /// repetition is logged, as a warning if its `User-Agent` differs from that of the first refresh. A node
    /// allows 64 repetitions. After the grace, a repeated refresh token means that two clients have it, and
    /// the sign-in ends (RFC 9700 section 4.14.2). A bearer secret has no grace: the old one is invalid at
    /// once.
    ///
    /// If a request refreshes a secret and then refreshes the new one, it gets the new one again, because a
    /// response carries only one new secret.
    ///
    /// `prepare` runs before the secret is replaced. If it fails, because the new credential cannot
    /// be delivered, nothing changes.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated), from a [`RefreshError`], if the
    /// secret is not valid; [`Unavailable`](AuthErrorKind::Unavailable) if the store did not
    /// answer; and the errors of `prepare`.
    pub async fn refresh(
        &self,
        context: SignInContext<'_>,
        secret: &Secret,
        kind: SecretKind,
        mut prepare: impl FnMut(&IssuedSecret) -> Result<(), AuthError> + Send,
    ) -> Result<IssuedSecret, AuthError> {
        let (state, now) = (context.state(), self.settings.clock.now());
        let user_agent = hash_user_agent(context.user_agent());
        let unknown = || refused(RejectionReason::Unknown);
        let mut record = self.store.load(&secret.id()).await?.ok_or_else(unknown)?;
        self.check_user_before(&record, secret, kind, now).await?;
        let mut backoff = Backoff::new();
        loop {
            if record.subject.is_none() || record.is_pending() {
                return Err(unknown()); // a visitor has no sign-in to refresh, and a pending one is short
            }
            if let Some(expiry) = record.expiry(now) {
                self.expire(&record, expiry);
                return Err(refused(RejectionReason::Expired));
            }
            match record.match_secret(secret, kind, now) {
                SecretMatch::Unknown => return Err(unknown()),
                // Another request has refreshed it, and its result is in use.
                SecretMatch::Reused if record.in_grace(&secret.digest(kind), now) => {
                    return Err(refused(RejectionReason::Rotated));
                }
                SecretMatch::Reused => return Err(self.reused(&record, kind).await),
                SecretMatch::Rotated(nonce) => {
                    self.check_repeat(&record, user_agent, now)?;
                    prepare(&IssuedSecret::new(secret.clone(), &record))?;
                    return Ok(refreshed(state, secret.successor(&nonce), kind, &record));
                }
                SecretMatch::Current => prepare(&IssuedSecret::new(secret.clone(), &record))?,
            }
            if Refreshed::of(state).is_some_and(|refreshed| refreshed.is(secret, kind)) {
                return Ok(IssuedSecret::new(secret.clone(), &record));
            }
            let (next, rotation) = self.succession(secret, (kind, record.kind), user_agent, now)?;
            let is_use = rotation.grace.is_some(); // a grace writes the last-seen time
            // A refresh that can be repeated is not undone: another request may have got the same secret.
            let is_undone = kind == SecretKind::Bearer || self.settings.refresh_grace.is_zero();
            if is_undone {
                self.remember_rotation(state, record.id, now);
                self.restore_unless_delivered(state, &record, &rotation);
            } else {
                self.recent_rotations.add(record.id, now);
            }
            let rotated = self.store.rotate(&record.id, &record.current, rotation).await?;
            if is_undone && !matches!(rotated, CompareAndSwap::Stored(_)) {
                state.nothing_to_roll_back();
            }
            match rotated {
                CompareAndSwap::Stored(record) => {
                    if !is_use {
                        self.touch(record.id, now);
                    }
                    tracing::info!(sign_in = %record.id, "refreshed");
                    return Ok(refreshed(state, next, kind, &record));
                }
                CompareAndSwap::Conflict(newer) => record = newer,
                CompareAndSwap::NotFound => return Err(unknown()),
            }
            backoff.pause().await?;
        }
    }

    /// Checks the user of a sign-in that is about to be refreshed, and who acts for the user, if the secret is valid.
    async fn check_user_before(
        &self,
        record: &Record,
        secret: &Secret,
        kind: SecretKind,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        match record.match_secret(secret, kind, now) {
            SecretMatch::Current | SecretMatch::Rotated(_)
                if !self.has_active_actor(record, now).await? =>
            {
                self.end_with_actor(record.id);
                Err(refused(RejectionReason::Unknown))
            }
            SecretMatch::Current | SecretMatch::Rotated(_) => self.check_user(record).await,
            SecretMatch::Reused | SecretMatch::Unknown => Ok(()),
        }
    }

    /// Returns the secret that replaces this one, and the rotation that does it. The record keeps its own kind.
    fn succession(
        &self,
        secret: &Secret,
        (used_as, kind): (SecretKind, SecretKind),
        user_agent: u64,
        now: Timestamp,
    ) -> Result<(Secret, Rotation), StoreError> {
        let nonce = Nonce::generate().map_err(StoreError::unavailable)?;
        let (next, previous) = (secret.successor(&nonce), secret.digest(used_as));
        let (until, user_agent) = (now + self.settings.refresh_grace, Some(user_agent));
        let repeatable = RotationGrace { previous, nonce, replaced_at: now, until, user_agent };
        let grace = (used_as != SecretKind::Bearer).then_some(repeatable);
        let digests = next.digests(used_as);
        Ok((next, Rotation { kind, digests, grace, reauthentication: None }))
    }

    /// Logs a repeated refresh, and refuses one too many.
    fn check_repeat(
        &self,
        record: &Record,
        user_agent: u64,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        let (sign_in, repeats) = (record.id, self.recent_rotations.count_repeat(record.id, now));
        let first = record.details.as_deref().and_then(|details| details.grace?.user_agent);
        if repeats > MAX_REPEATS {
            tracing::warn!(%sign_in, repeats, "refresh repeated too often");
            return Err(refused(RejectionReason::Rotated));
        }
        if first.is_some_and(|first| first != user_agent) {
            tracing::warn!(%sign_in, repeats, "refresh repeated by another user agent");
        } else {
            tracing::info!(%sign_in, repeats, "refresh repeated");
        }
        Ok(())
    }

    /// Refuses a secret that was replaced before. A cookie or bearer secret comes from a slow request
    /// more often than from a thief. A refresh token does not, so its sign-in ends.
    async fn reused(&self, record: &Arc<Record>, kind: SecretKind) -> AuthError {
        if kind == SecretKind::Refresh {
            tracing::warn!(sign_in = %record.id, "refresh token reused; sign-in ended");
            let ended = match self.store.delete(&record.id).await {
                Ok(ended) => ended,
                Err(error) => return error.into(),
            };
            count_ended("reused", usize::from(ended));
            if let Some(subject) = record.subject.clone().filter(|_| ended) {
                let sign_in = record.id;
                let reused = || SignInEvent::RefreshTokenReused { subject, sign_in };
                self.settings.events.handle(reused);
            }
        }
        refused(RejectionReason::Reused)
    }
}
