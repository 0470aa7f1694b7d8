//! For which sign-in a request acts.

use crate::sign_in_id::SignInId;

/// For which sign-in a request acts, and whether it was made in this very request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ActiveSignIn {
    id: Option<SignInId>,
    made_here: bool,
}

impl ActiveSignIn {
    pub(crate) fn since_before(id: Option<SignInId>) -> Self {
        Self { id, made_here: false }
    }

    pub(crate) fn newly(id: SignInId) -> Self {
        Self { id: Some(id), made_here: true }
    }

    pub(crate) fn id(self) -> Option<SignInId> {
        self.id
    }

    pub(crate) fn made_here(self) -> Option<SignInId> {
        self.id.filter(|_| self.made_here)
    }
}
