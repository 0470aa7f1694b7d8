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

    /// The living sign-in of a secret that came beside the credential that decided; none if it is
    /// the same one.
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
        let found = self.store.find(secret, kind, self.settings.clock.now()).await?;
        Ok(if let Found::Found(record) = found { Some(record.sid) } else { None })
    }
}
