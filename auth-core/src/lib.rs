//! Who sent this request?
//!
//! An [`Authenticator`] answers that for one kind of credential: a session cookie, a token, an API
//! key. One Tower layer, [`AuthLayer`], asks it about every request, refuses those without an
//! answer, and hands the answer to the handlers as an [`Identity`]. [`any_of`] joins several
//! authenticators, [`Require`] says who may pass, and [`Auth`] signs in and out without knowing
//! which backend runs.
//!
//! This crate knows no cookies' contents, no tokens and no stores: those are `auth-session`,
//! `auth-jwt` and `auth-store`.
//!
//! # What the layer keeps
//!
//! - No credential is not a bad one. Only a request without a credential is passed to the next
//!   authenticator. A bad one is refused, an unrecognised `Authorization` header too; under
//!   `.optional()` a bad cookie counts as none.
//! - Nobody passes unless the layer is `.optional()`.
//! - A store that does not answer makes 503 with `Retry-After`, never 401 and never an anonymous
//!   request.
//! - A refusal is a response; its reason is an event and a response extension ([`Refusal`]), never
//!   a body.
//! - A cookie that comes with what another site posts is refused ([`CrossOriginProtection`]).
//!
//! # Features
//!
//! - `axum`: extractors for `Identity<C>`, `Option<Identity<C>>` and `Auth<C>`, and responses for
//!   what [`Auth`] returns.

mod acting;
mod authenticate;
mod authenticator;
mod authorize;
mod challenge;
mod clock;
mod combine;
mod context;
mod cookie;
mod cross_site;
mod effects;
mod ended;
mod error;
mod explain;
#[cfg(feature = "axum")]
mod extract;
mod future;
mod handle;
mod head;
mod identity;
mod outcome;
mod principal;
mod refusal;
mod rejection;
mod request_snapshot;
mod sign_in_context;
mod sign_in_id;
mod sign_ins;
mod signed_in;
mod sleep;
mod transport;
mod typed;

pub use authenticate::{AuthLayer, AuthService, ResponseFuture};
pub use authenticator::{Attempt, Authenticator};
pub use authorize::{Require, RequireFuture, RequireService};
pub use challenge::Challenge;
pub use clock::{Clock, ManualClock, Timestamp};
pub use combine::{AnyOf, IntoAuthenticators, any_of};
pub use context::{AuthContext, RequestState, ResponseHook};
pub use cookie::{CookieBuilder, CookiePolicy, InvalidCookie, RequestCookie, SameSite};
pub use cross_site::{CrossOriginError, CrossOriginProtection, InvalidOrigin, RequestOrigin};
pub use effects::ResponseEffects;
pub use ended::EndReason;
pub use error::{AuthError, AuthErrorKind, BoxError, ConfigError};
pub use future::{AuthFuture, BoxFuture};
pub use handle::{Auth, Refresh, SignIn};
pub use head::RequestHead;
pub use identity::{AuthenticationInfo, Identity, IdentitySource, Verified};
pub use outcome::Outcome;
pub use principal::{Claims, Principal};
pub use refusal::Refusal;
pub use rejection::{ChallengeReason, Rejection, RejectionReason};
pub use sign_in_context::SignInContext;
pub use sign_in_id::{InvalidSignInId, SignInId};
pub use sign_ins::{
    Persistence, RefreshOptions, RefreshTokenDelivery, Revoke, SignInBackend, SignInInfo,
    SignInOptions,
};
pub use signed_in::{SignedIn, TokenResponse};
pub use transport::Transport;
