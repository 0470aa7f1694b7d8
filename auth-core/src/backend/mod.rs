//! What a backend implements, and what its methods take and return: for authors of backends.
//!
//! [`Authenticator`] verifies credentials, and every backend implements it. [`SignInBackend`] starts
//! and ends sign-ins, and is optional. Applications use a backend and need nothing else of this module.
//! The guide in the repository is `docs/backends.md`.

mod authenticator;
pub(crate) mod sign_ins;

pub use authenticator::{Attempt, Authenticator, Outcome, TokenIssuers};
pub use sign_ins::{
    ReauthenticateOptions, RefreshOptions, SignInBackend, SignInOptions, SignInResult,
    StoredSignIns,
};

pub use crate::challenge::Challenge;
pub use crate::context::{
    AuthContext, RequestSnapshot, RequestState, ResponseEffects, ResponseHook, SignInContext,
    Transport,
};
pub use crate::future::{AuthFuture, BoxFuture};
pub use crate::head::{RequestCookie, RequestHead};
pub use crate::identity::{IdentitySource, Verified};
pub use crate::rejection::{ChallengeReason, Rejection, RejectionReason};

pub(crate) use authenticator::forward_authenticator;
pub(crate) use sign_ins::{
    EndReason, Persistence, ProviderSession, RefreshTokenDelivery, Revoke, SignInInfo, SignedIn,
};
