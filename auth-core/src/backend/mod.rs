//! The contract between a backend and the layer.
//!
//! [`Authenticator`] verifies credentials, and every backend implements it. [`SignInBackend`] starts
//! and ends sign-ins, and is optional. The file of each trait also defines its argument and result
//! types.

mod authenticator;
mod sign_ins;

pub use authenticator::{Attempt, Authenticator, Outcome, TokenIssuers};
pub use sign_ins::{
    EndReason, Persistence, ProviderSession, ReauthenticateOptions, RefreshOptions,
    RefreshTokenDelivery, Revoke, SignInBackend, SignInInfo, SignInOptions, SignedIn,
    StoredSignIns, TokenResponse,
};

pub(crate) use authenticator::forward_authenticator;
