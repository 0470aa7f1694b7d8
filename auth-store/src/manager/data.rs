//! The data of sign-ins, and of visitors.

use auth_core::{AuthError, AuthErrorKind, SignInId};

use super::issued::Issued;
use super::manage::SignInManager;
use crate::changes::{self, Change};
use crate::data::Data;
use crate::error::StoreError;
use crate::record::Record;
use crate::secret::{Kind, Secret};
use crate::store::Swap;

/// How often a step is tried again on newer data before it is given up.
pub(super) const TRIES: usize = 16;

impl SignInManager {
    /// Makes these changes on the newest data of a sign-in that has not ended.
    pub(crate) async fn change(&self, sid: &SignInId, changes: &[Change]) -> Result<(), AuthError> {
        let mut newest = self.store.load(sid).await?;
        for _ in 0..TRIES {
            let record = newest.ok_or_else(ended)?;
            if record.expiry(self.settings.clock.now()).is_some() {
                return Err(ended());
            }
            let data = changes::apply(&record.data, changes)
                .map_err(|error| AuthError::new(AuthErrorKind::Data, error))?;
            if data == record.data {
                return Ok(());
            }
            if data.bytes() > Data::MAX_BYTES {
                return Err(AuthError::new(AuthErrorKind::TooLarge, "over 64 KiB of data"));
            }
            match self.store.update(sid, record.version, data).await? {
                Swap::Stored(_) => return Ok(()),
                Swap::Stale(newer) => newest = Some(newer),
                Swap::Gone => return Err(ended()),
            }
        }
        Err(contention())
    }

    /// Starts the record of a visitor whom nobody has signed in.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer or has no room.
    pub(crate) async fn start_anonymous(
        &self,
        data: Data,
        kind: Kind,
    ) -> Result<Issued, AuthError> {
        if data.bytes() > Data::MAX_BYTES {
            return Err(AuthError::new(AuthErrorKind::TooLarge, "over 64 KiB of data"));
        }
        let now = self.settings.clock.now();
        let secret = Secret::generate(self.store.new_id(None)?).map_err(StoreError::unavailable)?;
        let limits = self.settings.limits(true, now);
        let mut record = Record::new(secret.sid(), kind, secret.digests(kind), None, limits, now);
        record.data = data;
        let issued = Issued::new(secret, &record);
        self.store.create(record, None).await?;
        Ok(issued)
    }

    /// Ends a sign-in whose secret never reached its client.
    pub async fn take_back(&self, sid: &SignInId) {
        if let Err(error) = self.store.delete(sid).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(sign_in = %sid, error, "a sign-in could not be taken back");
        }
    }
}

pub(super) fn contention() -> AuthError {
    AuthError::new(AuthErrorKind::Unavailable, "others changed the sign-in again and again")
}

fn ended() -> AuthError {
    AuthError::new(AuthErrorKind::Unauthenticated, "the sign-in has ended")
}
