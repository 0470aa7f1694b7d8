//! What backends use to start, authenticate, refresh and end sign-ins: for authors of backends.
//!
//! [`SignInManager`](crate::SignInManager) makes the decisions, and the types of this module are what it takes and
//! returns. Applications use a backend and need nothing of this module. The guide in the repository is
//! `docs/backends.md`.

pub use crate::manager::{
    IssuedSecret, NewSignIn, PresentedSecret, RefreshError, SecondarySignIn, SignInCookies,
    SignInRequest, SignInSettings, StoredCredential, UserChecks,
};
pub use crate::secret::{KindName, Secret, SecretKind};
pub use crate::session::SessionBackend;
