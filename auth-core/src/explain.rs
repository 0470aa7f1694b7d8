//! What an error tells the client to bring.

use http::HeaderMap;

use crate::context::Erased;
use crate::error::{AuthError, AuthErrorKind};
use crate::rejection::ChallengeReason;

impl dyn Erased {
    /// Adds to an [`Unauthenticated`](AuthErrorKind::Unauthenticated) error what could have worked.
    pub(crate) fn explain(&self, error: AuthError) -> AuthError {
        if error.kind() != AuthErrorKind::Unauthenticated {
            return error;
        }
        let mut headers = HeaderMap::new();
        let rejection = error.rejection().or(self.rejection());
        self.challenge(
            &rejection
                .map_or(ChallengeReason::MissingCredential, ChallengeReason::InvalidCredential),
            &mut headers,
        );
        error.with_challenges(headers)
    }
}
