//! Asking the store itself.

use super::auth::Auth;
use crate::error::{AuthError, AuthErrorKind};
use crate::identity::Identity;
use crate::refusal::Refusal;

impl<C: Send + Sync + 'static> Auth<C> {
    /// Asks the store itself whether the request's credential is still good, past every copy that
    /// this node keeps, and says who it is by the newest record. A near cache may be two seconds
    /// late, so this is for what must not happen after a logout or a change of roles: payments,
    /// passwords, administration. [`Require::revalidated`](crate::Require::revalidated) does the same for
    /// a whole route.
    ///
    /// [`identity`](Self::identity) and the other extractors show the confirmed identity from the
    /// first time on. A backend that keeps no copies has nothing to confirm: what a token of another
    /// issuer says stays as it was verified.
    ///
    /// # Errors
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if nobody is signed in, or the sign-in has
    /// ended; [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn revalidate(&self) -> Result<Identity<C>, AuthError> {
        let refused = match self.0.context.revalidate(&self.0.request) {
            Some(confirming) => match confirming.await {
                Ok(identity) => return Ok(identity),
                Err(refusal) => refusal,
            },
            None => Refusal::Unauthenticated(self.rejection().copied()),
        };
        let unauthenticated = AuthErrorKind::Unauthenticated;
        Err(self.0.failed(match refused {
            Refusal::Unauthenticated(Some(rejection)) => AuthError::new(unauthenticated, rejection),
            Refusal::Unavailable(error) => AuthError::new(AuthErrorKind::Unavailable, error),
            _ => AuthError::new(unauthenticated, "nobody is signed in"),
        }))
    }
}
