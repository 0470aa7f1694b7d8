//! [`SignIn`], [`Reauthenticate`] and [`Refresh`], the builders that [`Auth`] returns.
//!
//! A builder collects the options of one operation. Awaiting it calls the backend with the state of that
//! operation, which becomes part of the request's state if the operation succeeds.
//!
//! [`SignIn`] also lets a user begin to act for another one. [`Reauthenticate`] also finishes a pending sign-in, and
//! returns from acting.

use std::net::IpAddr;
use std::sync::Arc;

use super::handle::{Auth, NOT_SIGNED_IN};
use crate::backend::{
    Persistence, ProviderSession, ReauthenticateOptions, RefreshOptions, RefreshTokenDelivery,
    SignInBackend, SignInOptions, SignInResult,
};
use crate::clock::Timestamp;
use crate::context::{MemberPath, RequestState, Transport};
use crate::error::{AuthError, AuthErrorKind, ConfigError};
use crate::future::BoxFuture;
use crate::identity::Identity;
use crate::lifetime::Lifetime;
use crate::principal::Principal;

/// A builder for a sign-in, returned by [`Auth::sign_in`] and [`Auth::act_as`]. Awaiting it signs in.
///
/// # Errors
///
/// Awaiting it returns
///
/// - [`Unauthenticated`](AuthErrorKind::Unauthenticated) if `check_user` refuses the user, or if the
///   [provider](Self::provider_session) has ended the user's session;
/// - [`LimitReached`](AuthErrorKind::LimitReached) if the user has as many sign-ins as allowed, and the backend
///   rejects further ones;
/// - [`CrossOrigin`](AuthErrorKind::CrossOrigin) if a cookie carries the sign-in, and an unsafe request comes from
///   another site;
/// - [`Acting`](AuthErrorKind::Acting) if the request acts for another user, and the sign-in would not end with that;
/// - [`TooLarge`](AuthErrorKind::TooLarge) or [`Serialization`](AuthErrorKind::Serialization) if the store or a token
///   cannot hold the roles and claims;
/// - [`Closed`](AuthErrorKind::Closed) if a cookie carries the sign-in, and the response has been sent;
/// - [`Config`](AuthErrorKind::Config) if the layer does not support what the builder requests;
/// - [`Unavailable`](AuthErrorKind::Unavailable) if the store or `check_user` did not answer. The sign-in is rolled
///   back.
#[must_use = "a sign-in happens when it is awaited"]
pub struct SignIn<C> {
    auth: Auth<C>,
    pub(super) options: SignInOptions<C>,
    backend: Option<&'static str>,
}

impl<C> SignIn<C> {
    pub(super) fn new(auth: Auth<C>, principal: Principal<C>) -> Self {
        Self { auth, options: SignInOptions::new(principal), backend: None }
    }

    /// Issues a cookie, even under a backend that issues tokens by default. Fails with
    /// [`ConfigError::UnsupportedTransport`] if the backend issues no cookies.
    pub fn as_cookie(mut self) -> Self {
        self.options.transport = Some(Transport::Ambient);
        self
    }

    /// Returns tokens in the response's body, even under a backend that issues cookies by default.
    /// Fails with [`ConfigError::UnsupportedTransport`] if the backend issues no tokens.
    pub fn as_tokens(mut self) -> Self {
        self.options.transport = Some(Transport::Explicit);
        self
    }

    /// Signs in with the backend of this [name](SignInBackend::name), such as `session`, `jwt` or `api-key`, and
    /// leaves the sign-ins of all other backends as they are. Fails with [`ConfigError::UnknownBackend`] if there
    /// is none.
    ///
    /// If the request acts for a sign-in or an identity of another backend, it continues to do so. A user who is
    /// signed in by a cookie can create an API key, and stays signed in.
    ///
    /// ```
    /// use auth_core::{Auth, AuthError, Principal, SignedIn};
    ///
    /// async fn new_key(auth: Auth) -> Result<SignedIn, AuthError> {
    ///     // Not `subject`: a user of another issuer may have that of a user of this application.
    ///     let user = auth.identity().and_then(|identity| identity.local_subject());
    ///     let user = user.ok_or_else(|| auth.unauthenticated("sign in first"))?;
    ///     let key = Principal::new(user).scope("stock:read");
    ///     auth.sign_in(key).backend("api-key").label("the robot").await
    /// }
    /// ```
    pub fn backend(mut self, name: &'static str) -> Self {
        self.backend = Some(name);
        self
    }

    /// Sets whether the cookie outlives the browser session. Defaults to the backend's setting.
    pub fn persistence(mut self, persistence: Persistence) -> Self {
        self.options.persistence = Some(persistence);
        self
    }

    /// Sets how the refresh token is delivered. Defaults to the backend's setting. If a cookie carries the
    /// access token, [`Body`](RefreshTokenDelivery::Body) fails with [`ConfigError::UnsupportedTransport`].
    pub fn deliver(mut self, delivery: RefreshTokenDelivery) -> Self {
        self.options.delivery = Some(delivery);
        self
    }

    /// Sets the user's name for the device.
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.options.label = Some(label.into());
        self
    }

    /// Sets the client's address, for the device list. Behind a proxy, only the application knows
    /// which header to trust.
    pub fn address(mut self, address: IpAddr) -> Self {
        self.options.address = Some(address);
        self
    }

    /// Sets how long the sign-in lasts: its idle timeout and its absolute timeout. Refreshes keep this
    /// lifetime, and [`Auth::reauthenticate`] starts both timeouts again. Defaults to the backend's setting.
    ///
    /// ```
    /// use std::time::Duration;
    /// use auth_core::{Auth, AuthError, Lifetime, Persistence, Principal, SignedIn};
    ///
    /// async fn login(auth: Auth, remember: bool) -> Result<SignedIn, AuthError> {
    ///     let sign_in = auth.sign_in(Principal::new("alice"));
    ///     match remember {
    ///         true => sign_in.persistence(Persistence::Persistent).lifetime(Lifetime::AAL1).await,
    ///         false => sign_in.lifetime(Lifetime::AAL3).await, // 12 hours, and 15 minutes without a request
    ///     }
    /// }
    /// ```
    ///
    /// Browsers keep a cookie for at most 400 days. The cookie of a longer sign-in is set again while the
    /// sign-in is used.
    pub fn lifetime(mut self, lifetime: Lifetime) -> Self {
        self.options.lifetime = Some(lifetime);
        self
    }

    /// Leaves the sign-in pending until a second factor is verified. Until then its credential identifies no
    /// user: it passes no [`Require`](crate::Require) and no extractor of an [`Identity`]. It leads to
    /// [`Auth::pending_subject`] and [`Auth::finish_sign_in`], on a route that needs no identity:
    ///
    /// ```
    /// use auth_core::{Auth, AuthError, Principal, SignedIn};
    ///
    /// async fn login(auth: Auth) -> Result<SignedIn, AuthError> {
    ///     // ... after the password was checked:
    ///     auth.sign_in(Principal::new("alice").amr("pwd")).pending().await
    /// }
    ///
    /// async fn second_factor(auth: Auth, code: String) -> Result<SignedIn, AuthError> {
    ///     match auth.pending_subject().await? {
    ///         Some(user) if check_code(&user, &code) => {
    ///             auth.finish_sign_in().amr("otp").acr("aal2").await
    ///         }
    ///         _ => Err(auth.wrong_credentials("wrong code")),
    ///     }
    /// }
    /// # fn check_code(_: &str, _: &str) -> bool { false }
    /// ```
    ///
    /// A pending sign-in ends after ten minutes, at a sign-out, and whenever the sign-ins of its user are
    /// revoked. It appears in no list of devices, and does not count towards the limit of sign-ins, which applies
    /// when it is finished. So an attacker who knows only the password can neither end nor block a sign-in of the
    /// user. A user has at most ten pending sign-ins of each [kind](crate::SignInInfo::kind); a further one ends the oldest.
    /// The application must limit the number of guesses.
    ///
    /// Fails with [`ConfigError::NoPendingSignIns`] if the backend
    /// [does not support it](SignInBackend::supports_pending).
    pub fn pending(mut self) -> Self {
        self.options.pending = true;
        self
    }

    /// Stores a value with this sign-in, which the backend passes to `check_user` at every check of the user.
    ///
    /// With it, a change of the password can end all sign-ins from before the change. Derive the value from
    /// the stored hash of the password, for example by SHA-256. Let `check_user` return `false` if the value
    /// differs from the one that it derives from the current hash. The handler that changes the password sets
    /// the new value by [`Reauthenticate::auth_hash`] or by a new sign-in, so that its own sign-in continues.
    pub fn auth_hash(mut self, hash: impl Into<Box<str>>) -> Self {
        self.options.auth_hash = Some(hash.into());
        self
    }

    /// Sets when the user was authenticated, such as the `auth_time` of an identity provider. Defaults to
    /// now. A time in the future counts as now. The idle timeout and the absolute timeout start now in any case.
    pub fn authenticated_at(mut self, at: Timestamp) -> Self {
        self.options.authenticated_at = Some(at);
        self
    }

    /// Sets the session at an identity provider by which the user was authenticated. If the provider ends
    /// this session, the sign-in ends as well: see `BackChannelLogout` of auth-jwt.
    ///
    /// The sign-in fails with [`Unauthenticated`](crate::AuthErrorKind::Unauthenticated) if the provider has
    /// ended the session since it issued the ID token.
    pub fn provider_session(mut self, session: ProviderSession) -> Self {
        self.options.provider = Some(session);
        self
    }
}

impl<C: Send + Sync + 'static> IntoFuture for SignIn<C> {
    type Output = SignInResult;
    type IntoFuture = BoxFuture<Self::Output>;
    fn into_future(self) -> Self::IntoFuture {
        let Self { auth, mut options, backend: name } = self;
        Box::pin(async move {
            let state = &auth.context.state;
            if options.acting {
                check_may_act(&auth, &options, name)?;
                options.transport = state.transport();
            }
            let (backend, member) = match name {
                Some(name) => named_backend(&auth, name)?,
                None => (auth.backend()?, None),
            };
            if options.transport.is_some_and(|transport| !backend.supports_transport(transport)) {
                return Err(ConfigError::UnsupportedTransport.into());
            }
            if options.pending && !backend.supports_pending() {
                return Err(ConfigError::NoPendingSignIns.into());
            }
            // A named backend leaves the sign-in of another one as it is, and an identity without one.
            let unstored = || auth.identity().filter(|identity| identity.sign_in().is_none());
            let owner = state.owner().or_else(|| unstored().and(state.member()));
            let is_addition = member.is_some() && owner.is_some_and(|it| Some(it) != member);
            let subject = Arc::clone(&options.principal.subject);
            if !options.acting && (is_addition || acts_for(&auth, &subject)) {
                let why = "the request acts for another user, and can only return from it";
                check_not_acting(&auth, why)?;
            }
            let operation = if is_addition { state.addition() } else { state.operation() };
            let pending = options.pending;
            let done = backend.sign_in(auth.sign_in_context(&operation), options).await;
            if is_addition {
                return auth.conclude(operation, done, RequestState::commit_addition);
            }
            if let (Some(member), Ok(_)) = (member, &done) {
                operation.done_by_member(member);
            }
            let mut signed_in = auth.conclude(operation, done, RequestState::commit)?;
            let identity = signed_in.take_identity();
            match pending {
                true => auth.context.act_for_pending(),
                false => auth.context.act_for(Some(subject), identity),
            }
            Ok(signed_in)
        })
    }
}

crate::redacted_debug!(SignIn<C> { options, backend });

/// A builder for a new authentication of a user who is signed in, returned by [`Auth::reauthenticate`], or
/// for the second factor of a pending sign-in, returned by [`Auth::finish_sign_in`]. Awaiting it
/// authenticates the user.
///
/// # Errors
///
/// Awaiting it returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request has no such sign-in,
/// if that has ended, or if `check_user` refuses the user. It returns [`Acting`](AuthErrorKind::Acting) while the
/// request acts for another user, [`CrossOrigin`](AuthErrorKind::CrossOrigin) if a cookie carries the sign-in and an
/// unsafe request comes from another site, and [`Unavailable`](AuthErrorKind::Unavailable) if the store did not
/// answer. A pending sign-in can also fail with [`LimitReached`](AuthErrorKind::LimitReached).
///
/// It fails with [`ConfigError::RefreshAfterSignIn`] if this request has already signed in or authenticated the
/// user again, and with [`ConfigError::NoReauthentication`] if the backend does not support it.
#[must_use = "an authentication happens when it is awaited"]
pub struct Reauthenticate<C> {
    auth: Auth<C>,
    pub(super) options: ReauthenticateOptions,
}

impl<C> Reauthenticate<C> {
    pub(super) fn new(auth: Auth<C>) -> Self {
        Self { auth, options: ReauthenticateOptions::default() }
    }

    /// Sets the authentication context class that the user has reached now. Defaults to none, even if the
    /// sign-in had one before. For a pending sign-in, defaults to the class that it has.
    pub fn acr(mut self, acr: impl Into<Box<str>>) -> Self {
        self.options.acr = Some(acr.into());
        self
    }

    /// Adds a method by which the user was authenticated now (RFC 8176). The former methods are not kept,
    /// except those of a pending sign-in.
    pub fn amr(mut self, method: impl Into<Box<str>>) -> Self {
        self.options.amr.push(method.into());
        self
    }

    /// Sets how the refresh token is delivered. Defaults to the way in which the request carried it, and for a
    /// pending sign-in to the backend's setting. Has no effect if a cookie carries the access token.
    pub fn deliver(mut self, delivery: RefreshTokenDelivery) -> Self {
        self.options.delivery = Some(delivery);
        self
    }

    /// Replaces the value that [`SignIn::auth_hash`] has set. Defaults to keeping it.
    pub fn auth_hash(mut self, hash: impl Into<Box<str>>) -> Self {
        self.options.auth_hash = Some(hash.into());
        self
    }

    /// Sets when the user was authenticated, as [`SignIn::authenticated_at`] does.
    pub fn authenticated_at(mut self, at: Timestamp) -> Self {
        self.options.authenticated_at = Some(at);
        self
    }
}

impl<C: Send + Sync + 'static> IntoFuture for Reauthenticate<C> {
    type Output = SignInResult;
    type IntoFuture = BoxFuture<Self::Output>;
    fn into_future(self) -> Self::IntoFuture {
        let Self { auth, options } = self;
        Box::pin(async move {
            let state = &auth.context.state;
            let not_signed_in = || auth.unauthenticated(NOT_SIGNED_IN);
            let subject = match options.finishes || options.stops_acting {
                true => None, // known when it is done
                false => Some(auth.local_subject()?.ok_or_else(not_signed_in)?.into()),
            };
            if state.sign_in().is_none() {
                return Err(not_signed_in());
            }
            if state.new_sign_in().is_some() {
                return Err(auth.failed(ConfigError::RefreshAfterSignIn.into()));
            }
            let operation = state.operation();
            // A refresh in this request may have switched to a sign-in of another backend.
            let context = auth.sign_in_context(&operation).seen_by(state.owner());
            let done = auth.backend()?.reauthenticate(context, &options).await;
            let mut signed_in = auth.conclude(operation, done, RequestState::commit)?;
            let identity = signed_in.take_identity();
            let known = || Some(Arc::clone(&identity.as_ref()?.principal().subject));
            auth.context.act_for(subject.or_else(known), identity.clone());
            Ok(signed_in)
        })
    }
}

crate::redacted_debug!(Reauthenticate<C> { options });

/// A builder for a refresh, returned by [`Auth::refresh`]. Awaiting it refreshes.
///
/// In a combination of backends, the backend whose credential the request carries is tried first, and then the others,
/// until one of them recognizes the credential.
///
/// # Errors
///
/// Awaiting it returns
///
/// - [`Unauthenticated`](AuthErrorKind::Unauthenticated) if there is no valid credential to refresh, or if
///   `check_user` refuses the user;
/// - [`InvalidScope`](AuthErrorKind::InvalidScope) if it requests more scopes than the sign-in has, or any
///   [scope](Self::scope) for a session;
/// - [`CrossOrigin`](AuthErrorKind::CrossOrigin) if a cookie carries the credential, and an unsafe request comes from
///   another site;
/// - [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
///
/// If the future is dropped or the response is lost, the client can repeat the refresh with the old credential, as
/// far as the backend's `refresh_grace` allows.
#[must_use = "a refresh happens when it is awaited"]
pub struct Refresh<C> {
    auth: Auth<C>,
    options: RefreshOptions,
}

impl<C> Refresh<C> {
    pub(super) fn new(auth: Auth<C>) -> Self {
        Self { auth, options: RefreshOptions::default() }
    }

    /// Refreshes with this token from the request's body, instead of the request's own credential.
    pub fn token(mut self, token: impl Into<Box<str>>) -> Self {
        self.options.token = Some(token.into());
        self
    }

    /// Requests this scope, in addition to those requested before, for the new access token (RFC 6749
    /// section 6). The scopes of the sign-in do not change. A session has no access token, so `SessionAuth` fails
    /// with [`InvalidScope`](AuthErrorKind::InvalidScope).
    pub fn scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.options.scopes.get_or_insert_default().push(scope.into());
        self
    }
}

impl<C: Send + Sync + 'static> IntoFuture for Refresh<C> {
    type Output = SignInResult;
    type IntoFuture = BoxFuture<Self::Output>;
    fn into_future(self) -> Self::IntoFuture {
        let Self { auth, options } = self;
        Box::pin(async move {
            let backend = auth.backend()?;
            let state = &auth.context.state;
            let before = auth.identity().and(state.sign_in());
            if options.token.is_none() && state.new_sign_in().is_some() {
                return Err(auth.failed(ConfigError::RefreshAfterSignIn.into()));
            }
            let operation = state.operation();
            let done = backend.refresh(auth.sign_in_context(&operation), &options).await;
            let mut refreshed = auth.conclude(operation, done, RequestState::commit)?;
            let identity = refreshed.take_identity();
            if before != Some(refreshed.sign_in) {
                let subject = identity.as_ref().map(Identity::principal);
                let subject = subject.map(|principal| Arc::clone(&principal.subject));
                auth.context.act_for(subject, identity);
            }
            Ok(refreshed)
        })
    }
}

// Omits the token.
crate::redacted_debug!(Refresh<C> { options });

/// Checks that the user of the request may begin to act for another one.
fn check_may_act<C: Send + Sync + 'static>(
    auth: &Auth<C>,
    options: &SignInOptions<C>,
    name: Option<&str>,
) -> Result<(), AuthError> {
    let user = auth.identity().filter(|identity| identity.local_subject().is_some());
    if user.is_none() || auth.context.state.sign_in().is_none() {
        return Err(auth.unauthenticated(NOT_SIGNED_IN));
    }
    check_not_acting(auth, "the request acts for another user already")?;
    let chosen = name.is_some() || options.transport.is_some() || options.pending;
    let states = options.authenticated_at.is_some() || options.provider.is_some();
    if !chosen && !states && auth.backend()?.supports_acting() {
        Ok(())
    } else {
        Err(auth.failed(ConfigError::NoActing.into()))
    }
}

/// Returns whether an actor acts for this subject in the request.
fn acts_for<C: Send + Sync + 'static>(auth: &Auth<C>, subject: &str) -> bool {
    let identity = auth.identity().filter(|identity| identity.actor().is_some());
    identity.is_some_and(|identity| identity.local_subject() == Some(subject))
}

/// Checks that the request does not act for another user. While it does, no other credential is issued, because
/// that credential would not end with the actor's sign-in.
fn check_not_acting<C: Send + Sync + 'static>(
    auth: &Auth<C>,
    why: &'static str,
) -> Result<(), AuthError> {
    match auth.identity().and_then(Identity::actor) {
        Some(_) => Err(auth.failed(AuthError::new(AuthErrorKind::Acting, why))),
        None => Ok(()),
    }
}

type Named<'a, C> = (&'a dyn SignInBackend<C>, Option<MemberPath>);

/// Returns the backend of this name, and its place in a combination.
fn named_backend<'a, C: Send + Sync + 'static>(
    auth: &'a Auth<C>,
    name: &'static str,
) -> Result<Named<'a, C>, ConfigError> {
    let (auth, unknown) = (&auth.context.auth, ConfigError::UnknownBackend(name));
    let path = auth.named(name).ok_or(unknown)?;
    let backend = auth.member(path).map_or_else(|| auth.sign_ins(), |member| member.sign_ins());
    Ok((backend.ok_or(unknown)?, Some(path)))
}
