//! [`SignInBackend`], the part of a backend that starts, lists and ends sign-ins.
//!
//! [`StoredSignIns`] is the part of it that needs no request. The options and results of both, such as
//! [`SignInOptions`] and [`SignedIn`], follow.

use std::any::Any;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::authenticator::Outcome;
use crate::claims::Claims;
use crate::clock::Timestamp;
use crate::context::{SignInContext, Transport};
use crate::error::{AuthError, AuthErrorKind, ConfigError};
use crate::future::{AuthFuture, BoxFuture};
use crate::identity::Identity;
use crate::lifetime::Lifetime;
use crate::principal::Principal;
use crate::sign_in_id::SignInId;

/// The result of a sign-in, a refresh or a new authentication.
pub type SignInResult = Result<SignedIn, AuthError>;

/// Starts, refreshes and ends the sign-ins of requests. [`Auth`](crate::Auth) calls it for handlers; it is
/// never called for a request that only reads its identity.
///
/// An operation that fails because a store does not answer returns
/// [`Unavailable`](crate::AuthErrorKind::Unavailable). What it may have started is rolled back: a backend
/// registers the rollback with
/// [`roll_back_unless_delivered`](crate::RequestState::roll_back_unless_delivered).
#[async_trait]
pub trait SignInBackend<C>: Send + Sync {
    /// Returns the name by which [`SignIn::backend`](crate::SignIn::backend) selects this backend: that of its
    /// scheme, such as `session`, `jwt` or `api-key`. Defaults to no name, so that it cannot be selected.
    fn name(&self) -> &'static str {
        ""
    }

    /// Returns whether this backend can carry sign-ins by this transport.
    fn supports_transport(&self, transport: Transport) -> bool;

    /// Returns whether this backend can leave a sign-in [pending](SignInOptions::pending): until
    /// [`reauthenticate`](Self::reauthenticate) finishes it, its credential must not prove an identity. Defaults to
    /// `false`. [`SignIn::pending`](crate::SignIn::pending) then fails with
    /// [`ConfigError::NoPendingSignIns`].
    fn supports_pending(&self) -> bool {
        false
    }

    /// Returns whether this backend can let a user [act](SignInOptions::acting) for another. Defaults to `false`.
    /// [`Auth::act_as`](crate::Auth::act_as) then fails with [`ConfigError::NoActing`].
    fn supports_acting(&self) -> bool {
        false
    }

    /// Starts a sign-in, and queues or returns its credential. The request's own credential is invalid
    /// afterwards, even if it belonged to another user.
    async fn sign_in(&self, context: SignInContext<'_>, options: SignInOptions<C>) -> SignInResult;

    /// Authenticates the user of the request's sign-in again, or [finishes](ReauthenticateOptions::finishes)
    /// a pending sign-in. Replaces the credential of the sign-in, its `acr`, `amr` and time of
    /// authentication, and starts its timeouts again. Everything else stays as it is stored: roles, claims
    /// and scopes, the device, the lifetime, and whether the cookie is persistent.
    ///
    /// Defaults to failing with [`ConfigError::NoReauthentication`].
    async fn reauthenticate(
        &self,
        context: SignInContext<'_>,
        options: &ReauthenticateOptions,
    ) -> SignInResult {
        let _ = (context, options);
        Err(ConfigError::NoReauthentication.into())
    }

    /// Replaces the credential of a sign-in that continues. The user's roles and scopes and the time of
    /// the authentication do not change. A request for more scopes fails with
    /// [`InvalidScope`](crate::AuthErrorKind::InvalidScope). Defaults to
    /// [`Unauthenticated`](crate::AuthErrorKind::Unauthenticated), which is right for credentials that are
    /// never replaced.
    async fn refresh(&self, context: SignInContext<'_>, options: &RefreshOptions) -> SignInResult {
        let _ = (context, options);
        Err(AuthError::new(AuthErrorKind::Unauthenticated, "the backend refreshes no credentials"))
    }

    /// Reacts to a sign-in by another backend: ends `old`, for which the request acted until then, and
    /// removes the cookie of this backend.
    async fn on_superseded(
        &self,
        context: SignInContext<'_>,
        old: Option<SignInId>,
    ) -> Result<(), AuthError> {
        let _ = (context, old);
        Ok(())
    }

    /// Checks whether [`sign_out`](Self::sign_out) would accept this request, as far as that can be
    /// known without the store. A combination calls it on every backend before it signs out of any.
    ///
    /// # Errors
    ///
    /// Returns [`CrossOrigin`](crate::AuthErrorKind::CrossOrigin) if an unsafe request comes from another
    /// site that is not trusted.
    fn check_sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let _ = context;
        Ok(())
    }

    /// Ends every sign-in that the request's credentials name. It is not an error if there is none. If
    /// an unsafe request comes from another site that is not trusted, nothing ends.
    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError>;

    /// Returns the sign-ins that this backend keeps. A backend with a store returns the `SignInManager` of
    /// `auth-store`.
    fn stored_sign_ins(&self) -> &dyn StoredSignIns;

    /// Verifies the request's credential again, bypassing every cache of sign-ins on this node, and
    /// returns the identity that the newest record proves. `identity` is the result of the first
    /// verification. Defaults to returning `identity`, which is right for backends without a cache.
    fn revalidate(
        &self,
        context: SignInContext<'_>,
        identity: &Identity<C>,
    ) -> AuthFuture<Outcome<C>> {
        let _ = context;
        Outcome::Authenticated(identity.clone()).into()
    }

    /// Delivers the request's credential to the client again, unless it has been replaced or its sign-in has
    /// ended. The layer calls this before the response is sent, if the identity
    /// [requires it](Identity::with_renewal). If it fails, the client keeps the credential that it has.
    /// Defaults to doing nothing.
    async fn renew(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        let _ = context;
        Ok(())
    }

    /// Returns whether this backend stores data for visitors. Defaults to `false`.
    fn supports_anonymous(&self) -> bool {
        false
    }

    /// Returns what a `Session` needs from this backend, or `None` if it stores no data.
    /// `auth-core` passes it through; `auth-store` defines its type.
    fn session_backend(&self) -> Option<&(dyn Any + Send + Sync)> {
        None
    }
}

/// Lists, ends and watches sign-ins, whether or not a request carries their credential.
#[async_trait]
pub trait StoredSignIns: Send + Sync {
    /// Returns the active sign-ins of a subject, oldest first.
    async fn list(&self, subject: &str) -> Result<Vec<SignInInfo>, AuthError>;

    /// Ends sign-ins of a subject and returns how many. Sign-ins of other subjects never end.
    async fn revoke(&self, subject: &str, which: Revoke) -> Result<usize, AuthError>;

    /// Returns the subject of a sign-in that is [pending](SignInOptions::pending), or `None` if it is not.
    /// Defaults to `None`, for backends without pending sign-ins.
    async fn pending_subject(&self, sign_in: SignInId) -> Result<Option<Arc<str>>, AuthError> {
        let _ = sign_in;
        Ok(None)
    }

    /// Waits until this sign-in has ended, on any node and for any reason, and returns the reason. Does
    /// not extend the idle timeout.
    ///
    /// For the sign-in of a verified credential, `authenticated_at` is the time in its identity. A later
    /// one in the store means that the user signed in again, which counts as an end.
    ///
    /// The future holds nothing of the request, and can be dropped at any time. If the store does not
    /// answer, it returns [`EndReason::Unconfirmed`] within a documented time.
    fn ended(&self, sign_in: SignInId, authenticated_at: Option<Timestamp>)
    -> BoxFuture<EndReason>;
}

/// Which sign-ins of a subject to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoke {
    /// Ends this sign-in.
    One(SignInId),
    /// Ends all except this one.
    AllExcept(SignInId),
    /// Ends all.
    All,
}

/// The session at an identity provider by which a user was authenticated (OpenID Connect). A sign-in that has
/// one can be ended by the provider.
///
/// A session and a user of the provider have at most 1,000 sign-ins each, or as many as one user of the
/// application may have, if that is more. A further sign-in ends the oldest one.
///
/// Take the values from a verified ID token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderSession {
    /// The provider, as `iss` names it.
    pub issuer: Box<str>,
    /// The user, as `sub` names it.
    pub subject: Box<str>,
    /// The session, as `sid` names it, if the provider has such names.
    pub sid: Option<Box<str>>,
    /// When the ID token was issued (`iat`).
    pub issued_at: Timestamp,
}

impl ProviderSession {
    /// Describes a session of this subject, of which the provider issued an ID token at this time.
    #[must_use]
    pub fn new(
        issuer: impl Into<Box<str>>,
        subject: impl Into<Box<str>>,
        issued_at: Timestamp,
    ) -> Self {
        Self { issuer: issuer.into(), subject: subject.into(), sid: None, issued_at }
    }

    /// Sets the name of the session.
    #[must_use]
    pub fn sid(self, sid: impl Into<Box<str>>) -> Self {
        Self { sid: Some(sid.into()), ..self }
    }
}

/// How long the browser keeps a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Persistence {
    /// Until the browser closes.
    #[default]
    Session,
    /// Until the sign-in ends: "remember me".
    Persistent,
}

/// How a refresh token is delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RefreshTokenDelivery {
    /// In a cookie that scripts cannot read, for pages in a browser.
    #[default]
    Cookie,
    /// In the response's body, for clients other than browsers.
    Body,
}

/// Options of a sign-in: who signs in, how the sign-in is carried, and what is known about the device. `Debug` omits
/// the principal and `auth_hash`.
#[derive(Clone)]
#[non_exhaustive]
pub struct SignInOptions<C = Claims> {
    /// The user who signs in.
    pub principal: Principal<C>,
    /// The requested transport. `None` leaves the choice to the backend.
    pub transport: Option<Transport>,
    /// Whether to remember the user. `None` leaves the choice to the backend.
    pub persistence: Option<Persistence>,
    /// How the refresh token is delivered. `None` leaves the choice to the backend.
    pub delivery: Option<RefreshTokenDelivery>,
    /// The user's name for the device.
    pub label: Option<Box<str>>,
    /// The client's address.
    pub address: Option<IpAddr>,
    /// How long the sign-in lasts. `None` leaves the choice to the backend.
    pub lifetime: Option<Lifetime>,
    /// When the user was authenticated, if that was before the sign-in. A time in the future counts as now.
    pub authenticated_at: Option<Timestamp>,
    /// Whether a second factor is still to be verified. The sign-in proves no identity until
    /// [`SignInBackend::reauthenticate`] finishes it.
    pub pending: bool,
    /// Whether the user of the request's sign-in acts for the principal. The request's sign-in continues, and
    /// [`SignInBackend::reauthenticate`] leads back to it.
    pub acting: bool,
    /// The value that the application's `check_user` gets with this sign-in; see
    /// [`SignIn::auth_hash`](crate::SignIn::auth_hash).
    pub auth_hash: Option<Box<str>>,
    /// The session at an identity provider by which the user was authenticated.
    pub provider: Option<ProviderSession>,
}

impl<C> SignInOptions<C> {
    /// Creates the options for this user, with the backend's defaults.
    #[must_use]
    pub fn new(principal: Principal<C>) -> Self {
        Self {
            principal,
            transport: None,
            persistence: None,
            delivery: None,
            label: None,
            address: None,
            lifetime: None,
            authenticated_at: None,
            pending: false,
            acting: false,
            auth_hash: None,
            provider: None,
        }
    }
}

crate::redacted_debug!(SignInOptions<C> {
    transport, persistence, delivery, label, address, lifetime, authenticated_at, pending, acting, provider,
});

/// Options of a new authentication: how a user who is signed in was authenticated again. The former `acr` and
/// `amr` of the sign-in are not kept. `Debug` omits `auth_hash`.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ReauthenticateOptions {
    /// Whether this finishes a [pending](SignInOptions::pending) sign-in. If `true`, the backend refuses a
    /// sign-in that is not pending. If `false`, it refuses one that is pending. A sign-in that is finished
    /// keeps its `amr`, and its `acr` unless another one is set.
    pub finishes: bool,
    /// Whether this ends a sign-in in which a user acts for another, and returns to the user's own. No user
    /// is authenticated, and the other options do not apply. The backend refuses the request if this does not
    /// fit its sign-in.
    pub stops_acting: bool,
    /// How the refresh token is delivered. `None` leaves the choice to the backend.
    pub delivery: Option<RefreshTokenDelivery>,
    /// The authentication context class.
    pub acr: Option<Box<str>>,
    /// The authentication methods.
    pub amr: Vec<Box<str>>,
    /// When the user was authenticated, if that was before now. A time in the future counts as now.
    pub authenticated_at: Option<Timestamp>,
    /// The new value for `check_user`. `None` keeps the former one.
    pub auth_hash: Option<Box<str>>,
}

crate::redacted_debug!(ReauthenticateOptions {
    finishes,
    stops_acting,
    delivery,
    acr,
    amr,
    authenticated_at,
});

/// Options of a refresh. `Debug` omits the token.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RefreshOptions {
    /// A refresh token from the request's body. `None` refreshes the request's own credential.
    pub token: Option<Box<str>>,
    /// The requested scopes. `None` requests all scopes of the sign-in.
    pub scopes: Option<Vec<Box<str>>>,
}

crate::redacted_debug!(RefreshOptions { scopes });

/// A stored sign-in as a device list shows it. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignInInfo {
    /// The public identifier, which [`Auth::revoke`](crate::Auth::revoke) takes.
    pub id: SignInId,
    /// The kind of its secret: `session` for a cookie, `bearer` for an opaque token, `refresh` for a refresh
    /// token, or the name of a backend's custom kind, such as `api-key`. Empty if the backend does not state
    /// it.
    pub kind: &'static str,
    /// Whether the request acts for it.
    pub current: bool,
    /// The `User-Agent` at sign-in.
    pub user_agent: Option<Box<str>>,
    /// The address at sign-in.
    pub address: Option<IpAddr>,
    /// The user's name for the device.
    pub label: Option<Box<str>>,
    /// The subject of the user who [acts](crate::Auth::act_as) for this one in it. `None` for the user's own sign-ins.
    pub actor: Option<Box<str>>,
    /// When it started.
    pub created_at: Timestamp,
    /// When it was last used. The backend writes this time at intervals (`touch_interval`).
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl SignInInfo {
    /// Describes a sign-in with this identifier and these times, and an unknown device.
    #[must_use]
    pub fn new(id: SignInId, created_at: Timestamp, last_seen_at: Timestamp) -> Self {
        Self {
            id,
            kind: "",
            current: false,
            user_agent: None,
            address: None,
            label: None,
            actor: None,
            created_at,
            last_seen_at,
            expires_at: Timestamp::MAX,
        }
    }
}

/// What a sign-in or refresh returns for the client. Its cookies are already queued in the response, so a
/// handler whose clients sign in by cookie can drop it and answer with a redirect. [`tokens`](Self::tokens)
/// reach the client only if the handler sends them.
///
/// As an axum response it is the token response if there are tokens, and 204 if not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SignedIn {
    /// The sign-in's public identifier.
    pub sign_in: SignInId,
    /// The tokens for the response's body. `None` if a cookie carries the sign-in.
    pub tokens: Option<TokenResponse>,
    identity: Option<Arc<dyn Any + Send + Sync>>,
}

impl SignedIn {
    /// Describes a sign-in that a cookie carries.
    #[must_use]
    pub fn by_cookie(sign_in: SignInId) -> Self {
        Self { sign_in, tokens: None, identity: None }
    }

    /// Describes a sign-in that these tokens carry.
    #[must_use]
    pub fn by_tokens(sign_in: SignInId, tokens: TokenResponse) -> Self {
        Self { sign_in, tokens: Some(tokens), identity: None }
    }

    /// Adds the identity that the new credential proves, which
    /// [`Auth::identity`](crate::Auth::identity) returns for the rest of the request. Without it, that
    /// is `None` after a sign-in.
    #[must_use]
    pub fn identity<C: Send + Sync + 'static>(self, identity: Identity<C>) -> Self {
        Self { identity: Some(Arc::new(identity)), ..self }
    }

    pub(crate) fn take_identity<C: Send + Sync + 'static>(&mut self) -> Option<Identity<C>> {
        let identity = self.identity.take()?.downcast::<Identity<C>>().ok()?;
        Some(Identity::clone(&identity))
    }
}

/// A successful token response, which serializes as RFC 6749 section 5.1 requires. `Debug` omits the
/// tokens.
#[derive(Clone)]
#[non_exhaustive]
pub struct TokenResponse {
    /// The token that the client sends.
    pub access_token: Box<str>,
    /// How the client sends the token: `Bearer` in an `Authorization` header (RFC 6750), or the name of another
    /// type that the client knows.
    pub token_type: &'static str,
    /// The lifetime of the access token, counted from the response.
    pub expires_in: Duration,
    /// The refresh token, if it is delivered in the body.
    pub refresh_token: Option<Box<str>>,
    /// The granted scopes, separated by spaces, if they differ from those that the client requested.
    pub scope: Option<Box<str>>,
}

impl TokenResponse {
    /// Creates the response for a bearer token with this lifetime.
    #[must_use]
    pub fn bearer(access_token: impl Into<Box<str>>, expires_in: Duration) -> Self {
        Self::new("Bearer", access_token, expires_in)
    }

    /// Creates the response for a token of this type with this lifetime.
    #[must_use]
    pub fn new(
        token_type: &'static str,
        access_token: impl Into<Box<str>>,
        expires_in: Duration,
    ) -> Self {
        let access_token = access_token.into();
        Self { access_token, token_type, expires_in, refresh_token: None, scope: None }
    }
}

crate::redacted_debug!(TokenResponse { token_type, expires_in });

impl Serialize for TokenResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("access_token", &self.access_token)?;
        map.serialize_entry("token_type", self.token_type)?;
        map.serialize_entry("expires_in", &self.expires_in.as_secs())?;
        if let Some(refresh_token) = &self.refresh_token {
            map.serialize_entry("refresh_token", refresh_token)?;
        }
        if let Some(scope) = &self.scope {
            map.serialize_entry("scope", scope)?;
        }
        map.end()
    }
}

/// Why the sign-in for which a request acts has ended: the output of
/// [`Auth::ended`](crate::Auth::ended).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// It was signed out, revoked, evicted by the limit of sign-ins, or replaced when another user
    /// signed in with the same client.
    Revoked,
    /// Its user signed in or was authenticated again. The old credential is invalid, and the client has a new
    /// one.
    Replaced,
    /// It reached its idle timeout or its absolute timeout.
    Expired,
    /// Unknown: for ten seconds the store did not answer.
    Unconfirmed,
    /// The request is not signed in.
    NotSignedIn,
}

impl EndReason {
    /// Returns the reason in a word or two, as logs show it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Unconfirmed => "unconfirmed",
            Self::NotSignedIn => "not signed in",
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
