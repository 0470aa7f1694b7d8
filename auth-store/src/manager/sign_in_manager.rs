//! [`SignInManager`], which manages the sign-ins of one store.
//!
//! This file lists and ends sign-ins, and changes users' roles; the other files of the module
//! start, refresh and authenticate.

use std::sync::Arc;

use auth_core::{AuthError, AuthErrorKind, Revoke, SignInId, SignInInfo, Timestamp};
use serde::Serialize;

use super::background;
use super::locks::KeyedLocks;
use super::recent_rotations::RecentRotations;
use super::settings::SignInSettings;
use crate::lifetime::Expiry;
use crate::record::Record;
use crate::record::codec;
use crate::store::Store;

/// Starts, refreshes, lists and ends the sign-ins of one store, according to [`SignInSettings`].
///
/// Backends use it to issue and check credentials. Applications use [`Auth`](auth_core::Auth) in a
/// request, and a backend's `sign_in_manager()` for administration.
#[derive(Clone, Debug)]
pub struct SignInManager {
    pub(super) store: Arc<dyn Store>,
    pub(super) locks: Arc<KeyedLocks>,
    pub(super) recent_rotations: Arc<RecentRotations>,
    /// How sign-ins are kept: for how long, how many, and by which clock.
    pub settings: SignInSettings,
}

impl SignInManager {
    /// Creates a manager with the default settings.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            locks: Arc::default(),
            recent_rotations: Arc::default(),
            settings: SignInSettings::default(),
        }
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns whether this node has replaced the secret of this sign-in within the last minute. A
    /// request with another secret is then more likely late than forged.
    #[must_use]
    pub fn recently_rotated(&self, sid: &SignInId) -> bool {
        self.recent_rotations.has(sid, self.settings.clock.now())
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
    pub fn touch(&self, sid: SignInId, now: Timestamp) {
        let store = Arc::clone(&self.store);
        background::run("touch", async move { store.touch(&sid, now).await });
    }

    /// Deletes a sign-in that has reached a deadline, in the background. One that was used or renewed
    /// since the record was read is kept.
    pub fn expire(&self, record: &Record, expiry: Expiry) {
        let (store, sid) = (Arc::clone(&self.store), record.sid);
        let (last_seen, version) = (record.last_seen(), record.version);
        tracing::info!(sign_in = %sid, ?expiry, "sign-in expired");
        background::run("delete", async move {
            match expiry {
                Expiry::Idle => store.delete_if_idle(&sid, last_seen).await.map(drop),
                Expiry::Absolute => store.delete_if_version(&sid, version).await.map(drop),
            }
        });
    }

    /// Ends a sign-in. Does nothing if it has ended already.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if it may not have ended.
    pub async fn end(&self, sid: &SignInId) -> Result<(), AuthError> {
        if self.store.delete(sid).await? {
            tracing::info!(sign_in = %sid, "signed out");
        }
        Ok(())
    }

    /// Ends a sign-in whose secret never reached its client. A failure is logged.
    pub async fn roll_back(&self, sid: &SignInId) {
        if let Err(error) = self.store.delete(sid).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(sign_in = %sid, error, "sign-in not rolled back");
        }
    }

    /// Returns the sign-ins of a subject that have not ended, oldest first.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        let now = self.settings.clock.now();
        let records = self.store.list(subject).await?;
        let active = records.iter().filter(|record| record.expiry(now).is_none());
        Ok(active.map(|record| record.info()).collect())
    }

    /// Replaces roles and claims in all sign-ins of a subject, and returns their number. Every
    /// credential of theirs has the new ones at its next use. How and when each sign-in was
    /// authenticated does not change.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if some sign-ins may not have changed;
    /// [`Serialization`](AuthErrorKind::Serialization) if the claims cannot be serialized.
    pub async fn update_claims<C: Serialize + Sync>(
        &self,
        subject: &str,
        roles: &[Box<str>],
        claims: &C,
    ) -> Result<usize, AuthError> {
        let encoded = codec::encode(roles, claims);
        let encoded =
            encoded.map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))?;
        let updated = self.store.update_subject(subject, &encoded).await?;
        tracing::info!(subject, updated, ?roles, "roles and claims replaced");
        Ok(updated)
    }

    /// Ends sign-ins of a subject, and returns their number.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if some may not have ended.
    pub async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError> {
        let ended = match which {
            Revoke::One(sid) => usize::from(self.store.revoke(subject, &sid).await?),
            Revoke::AllExcept(keep) => self.store.revoke_others(subject, &keep).await?,
            Revoke::All => self.store.revoke_subject(subject).await?,
        };
        if ended > 0 {
            tracing::info!(subject, ended, ?which, "sign-ins revoked");
        }
        Ok(ended)
    }
}
