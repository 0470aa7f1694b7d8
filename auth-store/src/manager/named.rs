//! The sign-ins that secrets name.

use auth_core::{AuthError, SignInId, Turn};

use super::manage::SignInManager;
use crate::secret::{Kind, Secret};
use crate::store::Found;

impl SignInManager {
    /// The sign-in that a secret proves, or has proved before it was replaced: whoever signs out with
    /// it means that one.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn named(&self, secret: &Secret, kind: Kind) -> Result<Option<SignInId>, AuthError> {
        Ok(match self.store.find(secret, kind, self.settings.clock.now()).await? {
            Found::Found(record) | Found::Rotated(record) | Found::Reused(record) => {
                Some(record.sid)
            }
            Found::Gone => None,
        })
    }

    /// The sign-in of a secret that came beside the credential that decided, and that could still be
    /// refreshed; none if it is the same one.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn beside(
        &self,
        turn: &Turn,
        secret: &Secret,
        kind: Kind,
    ) -> Result<Option<SignInId>, AuthError> {
        if turn.sign_in() == Some(secret.sid()) {
            return Ok(None);
        }
        Ok(match self.store.find(secret, kind, self.settings.clock.now()).await? {
            Found::Found(record) | Found::Rotated(record) => Some(record.sid),
            Found::Reused(_) | Found::Gone => None,
        })
    }
}
