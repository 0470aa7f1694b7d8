//! The half of a backend that starts and ends sign-ins.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::ended::EndReason;
use crate::error::AuthError;
use crate::future::{AuthFuture, BoxFuture};
use crate::identity::Identity;
use crate::outcome::Outcome;
use crate::principal::Principal;
use crate::sign_in_context::SignInContext;
use crate::sign_in_id::SignInId;
use crate::signed_in::SignedIn;
use crate::transport::Transport;

/// What a backend adds that starts, lists and ends sign-ins. [`Auth`](crate::Auth) calls it for
/// handlers; it is never called for a request that only reads its identity.
///
/// Whatever fails because a store does not answer is
/// [`Unavailable`](crate::AuthErrorKind::Unavailable), and the sign-ins are as they were before.
#[async_trait]
pub trait SignInBackend<C>: Send + Sync {
    /// Whether sign-ins of this backend can be carried so.
    fn supports_transport(&self, transport: Transport) -> bool;

    /// Starts a sign-in and queues or returns its credential. The credential that came with the
    /// request is dead afterwards, also when it belonged to another user.
    async fn sign_in(
        &self,
        context: SignInContext<'_>,
        principal: Principal<C>,
        options: &SignInOptions,
    ) -> Result<SignedIn, AuthError>;

    /// Replaces the credential of a sign-in that goes on. What the user may do, and when they proved
    /// who they are, stays as it was. Asking for more is refused as
    /// [`Scope`](crate::AuthErrorKind::InvalidScope).
    async fn refresh(
        &self,
        context: SignInContext<'_>,
        options: &RefreshOptions,
    ) -> Result<SignedIn, AuthError>;

    /// Another backend has signed this request in: ends `old`, for which the request acted until
    /// then, and takes away the cookie of this backend.
    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        let _ = (context, old);
        Ok(())
    }

    /// Whether [`sign_out`](Self::sign_out) would act for this request, as far as can be known
    /// without a store. Where several backends are one, each is asked before the first one acts.
    ///
    /// # Errors
    /// [`CrossOriginProtection`](crate::AuthErrorKind::CrossOrigin) if it comes from another site and may not.
    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let _ = context;
        Ok(())
    }

    /// Ends whatever sign-in the request can name. Nobody signed in is no error. If the request comes
    /// from another site and may not, nothing happens.
    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError>;

    /// The living sign-ins of a subject, oldest first.
    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError>;

    /// Ends sign-ins of a subject, and says how many. Another subject's are never ended.
    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError>;

    /// Waits until this sign-in has ended, and says how: on any node, by any way. It is no use of the
    /// sign-in. If it is the one of a credential that was verified, `authenticated_at` is what its
    /// identity says, and a later one is an end: its user has signed in anew.
    ///
    /// The future keeps nothing of the request, and can be dropped at any time. It answers also if
    /// nobody can say, within a documented time: [`EndReason::Unconfirmed`].
    fn ended(&self, sign_in: SignInId, authenticated_at: Option<Timestamp>)
    -> BoxFuture<EndReason>;

    /// Verifies the credential of a request once more, past every copy that this node keeps of
    /// sign-ins, and says who it is by the newest record. `identity` is what the first time came to:
    /// it stands for backends that keep no copies.
    fn revalidate(
        &self,
        context: SignInContext<'_>,
        identity: &Identity<C>,
    ) -> AuthFuture<Outcome<C>> {
        let _ = context;
        Outcome::Authenticated(identity.clone()).into()
    }

    /// Whether this backend keeps the data of visitors whom nobody has signed in.
    fn supports_anonymous(&self) -> bool {
        false
    }

    /// Returns what a `Session` needs from this backend, or `None` if it keeps no data. Core passes
    /// it through; `auth-store` knows its type.
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }
}

/// Which sign-ins of a subject to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoke {
    /// This one.
    One(SignInId),
    /// All but this one.
    AllExcept(SignInId),
    /// All.
    All,
}

/// Whether a credential outlives the browser that keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// It ends with the browser.
    #[default]
    Session,
    /// It stays until the sign-in ends: "remember me".
    Persistent,
}

/// Where the secret that renews a token goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RefreshTokenDelivery {
    /// Into a cookie that scripts cannot read: for pages in a browser.
    #[default]
    Cookie,
    /// Into the response's body, beside the token: for clients that are no browsers.
    Body,
}

/// How to sign in: by which carrier, and what to note about the device.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SignInOptions {
    /// The carrier that was asked for; the backend's own choice otherwise.
    pub transport: Option<Transport>,
    /// Whether to remember the user; the backend's own choice otherwise.
    pub persistence: Option<Persistence>,
    /// Where the secret that renews a token goes; the backend's own choice otherwise.
    pub delivery: Option<RefreshTokenDelivery>,
    /// What the user calls the device.
    pub label: Option<Box<str>>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
}

/// What to renew, and how. `Debug` shows no token.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RefreshOptions {
    /// A token that came in the request's body; without it, the request's own credential is renewed.
    pub token: Option<Box<str>>,
    /// The scopes that were asked for; none for those that the sign-in has.
    pub scopes: Option<Vec<Box<str>>>,
}

impl fmt::Debug for RefreshOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshOptions").field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

/// One stored sign-in, as a device list shows it. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignInInfo {
    /// Its public name, to end it by.
    pub id: SignInId,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The `User-Agent` at sign-in.
    pub user_agent: Option<Box<str>>,
    /// The address at sign-in.
    pub address: Option<IpAddr>,
    /// What the user calls the device.
    pub label: Option<Box<str>>,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, as exact as the backend's throttle.
    pub last_seen_at: Timestamp,
    /// When it ends whatever the user does.
    pub expires_at: Timestamp,
}

impl SignInInfo {
    /// A sign-in of this name and times, with nothing known about the device.
    #[must_use]
    pub fn new(id: SignInId, created_at: Timestamp, last_seen_at: Timestamp) -> Self {
        Self {
            id,
            current: false,
            user_agent: None,
            address: None,
            label: None,
            created_at,
            last_seen_at,
            expires_at: Timestamp::MAX,
        }
    }
}
