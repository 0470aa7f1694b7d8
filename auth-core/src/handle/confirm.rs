//! Asking the store itself.

use super::auth::Auth;
use crate::error::{AuthError, AuthErrorKind};
use crate::identity::Identity;
use crate::refusal::Refusal;

impl<C: Send + Sync + 'static> Auth<C> {
    /// Asks the store itself whether the request's credential is still good, past every copy that
    /// this node keeps, and says who it is by the newest record. A near cache may be two seconds
    /// late, so this is for what must not happen after a logout or a change of roles: payments,
    /// passwords, administration. [`Require::confirmed`](crate::Require::confirmed) does the same for
    /// a whole route.
    ///
    /// [`identity`](Self::identity) and the other extractors show the confirmed identity from the
    /// first time on. A backend that keeps no copies has nothing to confirm: what a token of another
    /// issuer says stays as it was verified.
    ///
    /// # Errors
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if nobody is signed in, or the sign-in has
    /// ended; [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn confirm(&self) -> Result<Identity<C>, AuthError> {
        let Some(confirming) = self.0.exchange.confirm(&self.0.request) else {
            return Err(self.unauthenticated("nobody is signed in"));
        };
        confirming.await.map_err(|refusal| match refusal {
            Refusal::Unauthenticated(Some(rejection)) => {
                let error = AuthError::new(AuthErrorKind::Unauthenticated, rejection);
                self.0.failed(error)
            }
            Refusal::Unavailable(error) => {
                self.0.failed(AuthError::new(AuthErrorKind::Unavailable, error))
            }
            other => self.unauthenticated(other),
        })
    }
}
