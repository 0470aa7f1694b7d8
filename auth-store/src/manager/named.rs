//! The sign-ins that secrets name.

use auth_core::{AuthError, RequestState, SignInId};

use super::manage::SignInManager;
use crate::secret::{Secret, SecretKind};
use crate::store::SecretLookup;

impl SignInManager {
    /// The sign-in that a secret proves, or has proved before it was replaced: whoever signs out with
    /// it means that one.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn resolve(
        &self,
        secret: &Secret,
        kind: SecretKind,
    ) -> Result<Option<SignInId>, AuthError> {
        Ok(match self.store.find(secret, kind, self.settings.clock.now()).await? {
            SecretLookup::Current(record)
            | SecretLookup::Rotated(record)
            | SecretLookup::Reused(record) => Some(record.sid),
            SecretLookup::NotFound => None,
        })
    }

    /// The sign-in of a secret that came beside the credential that decided, and that could still be
    /// refreshed; none if it is the same one.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn beside(
        &self,
        state: &RequestState,
        secret: &Secret,
        kind: SecretKind,
    ) -> Result<Option<SignInId>, AuthError> {
        if state.sign_in() == Some(secret.sid()) {
            return Ok(None);
        }
        Ok(match self.store.find(secret, kind, self.settings.clock.now()).await? {
            SecretLookup::Current(record) | SecretLookup::Rotated(record) => Some(record.sid),
            SecretLookup::Reused(_) | SecretLookup::NotFound => None,
        })
    }
}
