//! Refreshing: a new secret for the same sign-in.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, RejectionReason, RequestState};

use super::backoff::Backoff;
use super::issued::IssuedSecret;
use super::manage::SignInManager;

use crate::error::StoreError;
use crate::record::{Record, Rotation, RotationGrace, SecretMatch};
use crate::secret::{Nonce, Secret, SecretKind};
use crate::store::CompareAndSwap;

/// The secret cannot be refreshed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshError {
    /// Why not.
    pub reason: RejectionReason,
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the secret cannot be refreshed: {}", self.reason)
    }
}

impl Error for RefreshError {}

fn refused(reason: RejectionReason) -> AuthError {
    tracing::info!(%reason, "refresh refused");
    AuthError::new(AuthErrorKind::Unauthenticated, RefreshError { reason })
}

impl SignInManager {
    /// Replaces a secret. The sign-in goes on as it was: limits, roles, how it was authenticated.
    ///
    /// Whoever sends the same refresh token again within the grace gets the same new one, so that
    /// of many that race all win, and a lost response can be repeated. After that, a refresh token
    /// that comes again is in two hands, and the sign-in ends. Secrets that authenticate requests
    /// have no grace: the old one is dead at once.
    ///
    /// `prepare` runs before the secret is used up, on what is issued by it: if that fails, because
    /// the new credential could not be handed out, everything stays as it was.
    ///
    /// # Errors
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated), from a [`RefreshError`], if the secret
    /// is not good; [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer; and
    /// whatever `prepare` fails with.
    pub async fn refresh(
        &self,
        state: &RequestState,
        secret: &Secret,
        kind: SecretKind,
        mut prepare: impl FnMut(&IssuedSecret) -> Result<(), AuthError> + Send,
    ) -> Result<IssuedSecret, AuthError> {
        let now = self.settings.clock.now();
        let unknown = || refused(RejectionReason::Unknown);
        let mut record = self.store.load(&secret.sid()).await?.ok_or_else(unknown)?;
        let mut backoff = Backoff::new();
        loop {
            if record.subject.is_none() {
                return Err(unknown()); // a visitor has not signed in
            }
            if let Some(expiry) = record.expiry(now) {
                self.expire(&record, expiry);
                return Err(refused(RejectionReason::Expired));
            }
            match record.match_secret(secret, kind, now) {
                SecretMatch::Unknown => return Err(unknown()),
                SecretMatch::Reused => return Err(self.reused(&record, kind).await),
                SecretMatch::Rotated(nonce) => {
                    prepare(&IssuedSecret::new(secret.clone(), &record))?;
                    state.switch_to(record.sid);
                    return Ok(IssuedSecret::new(secret.successor(&nonce), &record));
                }
                SecretMatch::Current => prepare(&IssuedSecret::new(secret.clone(), &record))?,
            }
            let nonce = Nonce::generate().map_err(StoreError::unavailable)?;
            let next = secret.successor(&nonce);
            let until = now + self.settings.grace;
            let repeatable = RotationGrace { previous: record.current, nonce, until };
            let grace = (kind == SecretKind::Refresh).then_some(repeatable);
            let rotation = Rotation { kind, digests: next.digests(kind), grace, renewal: None };
            self.recent_rotations.add(record.sid, now);
            match self.store.rotate(&record.sid, &record.current, rotation).await? {
                CompareAndSwap::Stored(record) => {
                    self.touch(record.sid, now);
                    state.switch_to(record.sid);
                    tracing::info!(sign_in = %record.sid, "refreshed");
                    return Ok(IssuedSecret::new(next, &record));
                }
                CompareAndSwap::Conflict(newer) => record = newer,
                CompareAndSwap::NotFound => return Err(unknown()),
            }
            backoff.pause().await?;
        }
    }

    /// A cookie or bearer secret that comes late is a slow request more often than a thief's; a
    /// refresh token that comes again is not.
    async fn reused(&self, record: &Arc<Record>, kind: SecretKind) -> AuthError {
        if kind == SecretKind::Refresh {
            tracing::warn!(sign_in = %record.sid, "refresh token reused: its sign-in ends");
            if let Err(error) = self.store.delete(&record.sid).await {
                return error.into();
            }
        }
        refused(RejectionReason::Reused)
    }
}
