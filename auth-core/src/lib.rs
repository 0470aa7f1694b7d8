// The example of the README needs the extractors, so it is compiled with the feature only.
#![cfg_attr(feature = "axum", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "axum"), doc = "Finds out who sent a request: see the README.")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod any_of;
mod auth;
mod authenticate;
pub mod backend;
mod background;
mod challenge;
mod claims;
mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
mod context;
mod cookie;
mod cross_origin;
mod error;
mod event_limits;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod head;
mod identity;
mod lifetime;
mod login_redirect;
mod macros;
#[cfg(not(feature = "metrics"))]
mod metrics;
#[cfg(feature = "metrics")]
pub mod metrics;
mod principal;
mod reexport;
mod refusal;
mod rejection;
mod require;
mod return_path;
mod sign_in_id;
#[cfg(feature = "testing")]
pub mod testing;
mod token_error;

pub use any_of::{AnyOf, IntoAuthenticators, any_of};
pub use auth::{Auth, Reauthenticate, Refresh, SignIn};
pub use authenticate::{AuthLayer, AuthService, ResponseFuture};
pub use backend::sign_ins::{
    EndReason, Persistence, ProviderSession, RefreshTokenDelivery, Revoke, SignInInfo, SignedIn,
    TokenResponse,
};
#[doc(inline)]
pub use backend::{Authenticator, Outcome, StoredSignIns};
// The names for authors of backends, which the documentation lists in the module.
#[doc(hidden)]
pub use backend::{
    Attempt, AuthContext, AuthFuture, BoxFuture, Challenge, ChallengeReason, IdentitySource,
    ReauthenticateOptions, RefreshOptions, RequestCookie, RequestHead, RequestSnapshot,
    RequestState, ResponseEffects, ResponseHook, SignInBackend, SignInContext, SignInOptions,
    SignInResult, TokenIssuers, Transport, Verified,
};
#[doc(hidden)]
pub use background::to_completion;
pub use claims::Claims;
pub use clock::{Clock, ManualClock, Timestamp};
#[doc(hidden)]
pub use context::MemberPath;
pub use cookie::{CookieBuilder, CookiePolicy, InvalidCookie, SameSite};
pub use cross_origin::{CrossOriginError, CrossOriginProtection, InvalidOrigin, RequestOrigin};
pub use error::{AuthError, AuthErrorKind, BoxError, ConfigError};
#[cfg(feature = "axum")]
pub use extract::{Permitted, Requirement};
pub use identity::{AuthenticationInfo, Identity};
pub use lifetime::{InvalidLifetime, Lifetime};
pub use login_redirect::{LoginRedirect, LoginRedirectFuture, LoginRedirectService};
pub use principal::Principal;
pub use refusal::Refusal;
pub use rejection::{Rejection, RejectionReason};
pub use require::{Require, RequireFuture, RequireService};
pub use return_path::{InvalidReturnPath, ReturnPath};
pub use sign_in_id::{InvalidSignInId, SignInId};
pub use token_error::TokenError;
