//! The manager.

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

/// Starts, refreshes, lists and ends the sign-ins of one store, by one set of [`SignInSettings`].
/// Backends keep one and write their credentials by it; applications use
/// [`Auth`](auth_core::Auth).
#[derive(Clone, Debug)]
pub struct SignInManager {
    pub(super) store: Arc<dyn Store>,
    pub(super) locks: Arc<KeyedLocks>,
    pub(super) recent_rotations: Arc<RecentRotations>,
    /// How sign-ins are kept.
    pub settings: SignInSettings,
}

impl SignInManager {
    /// A manager with the default settings.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            locks: Arc::default(),
            recent_rotations: Arc::default(),
            settings: SignInSettings::default(),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Whether this node has replaced the secret of this record within the last minute: a request
    /// that does not prove it is late, more likely than forged.
    #[must_use]
    pub fn recently_rotated(&self, sid: &SignInId) -> bool {
        self.recent_rotations.has(sid, self.settings.clock.now())
    }

    pub(crate) fn locks(&self) -> &KeyedLocks {
        &self.locks
    }

    /// Whether a use of this sign-in is to be written down: at most once per interval.
    #[must_use]
    pub fn touch_is_due(&self, record: &Record, now: Timestamp) -> bool {
        self.settings.touch_is_due(record, now)
    }

    /// Notes that a sign-in was used; no response waits for it.
    pub fn touch(&self, sid: SignInId, now: Timestamp) {
        let store = Arc::clone(&self.store);
        background::run("touch", async move { store.touch(&sid, now).await });
    }

    /// Deletes a sign-in that has reached a limit, unless somebody has used or renewed it since;
    /// no response waits for it.
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

    /// Ends a sign-in. One that has ended already is no error.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if it may still be alive.
    pub async fn end(&self, sid: &SignInId) -> Result<(), AuthError> {
        if self.store.delete(sid).await? {
            tracing::info!(sign_in = %sid, "signed out");
        }
        Ok(())
    }

    /// The living sign-ins of a subject, oldest first.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError> {
        let now = self.settings.clock.now();
        let records = self.store.list(subject).await?;
        let living = records.iter().filter(|record| record.expiry(now).is_none());
        Ok(living.map(|record| record.info()).collect())
    }

    /// Replaces roles and claims in all sign-ins of a subject, and says in how many: at once, for
    /// every credential. How each was authenticated stays as it was.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if some may still be as before;
    /// [`Serialization`](auth_core::AuthErrorKind::Serialization) if the claims do not serialize.
    pub async fn update_claims<C: Serialize + Sync>(
        &self,
        subject: &str,
        roles: &[Box<str>],
        claims: &C,
    ) -> Result<usize, AuthError> {
        let encoded = codec::encode(roles, claims);
        let encoded =
            encoded.map_err(|error| AuthError::new(AuthErrorKind::Serialization, error))?;
        let amended = self.store.update_subject(subject, &encoded).await?;
        tracing::info!(subject, amended, ?roles, "roles and claims replaced");
        Ok(amended)
    }

    /// Ends sign-ins of a subject, and says how many.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if some may still be alive.
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
