//! [`Auth`]: the handle with which a handler signs in and out, whichever backend runs, and the
//! builders that it returns.
//!
//! Every failure passes through `Auth::failed`, which logs it once and adds the challenges of a 401.

use std::any::type_name;
use std::fmt;
use std::future::IntoFuture;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use crate::authenticate::TypedContext;
use crate::backend::{
    EndReason, Persistence, ProviderSession, ReauthenticateOptions, RefreshOptions,
    RefreshTokenDelivery, Revoke, SignInBackend, SignInInfo, SignInOptions, SignedIn,
};
use crate::background::to_completion;
use crate::claims::Claims;
use crate::clock::Timestamp;
use crate::context::{
    AuthContext, ErasedContext, MemberPath, RequestSnapshot, RequestState, ResponseEffects,
    SignInContext, Transport,
};
use crate::error::{AuthError, AuthErrorKind, BoxError, ConfigError};
use crate::future::BoxFuture;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::lifetime::Lifetime;
use crate::principal::Principal;
use crate::refusal::Refusal;
use crate::rejection::Rejection;
use crate::sign_in_id::SignInId;

/// A request's handle on sign-ins: signs in and out, refreshes, lists and revokes, with any
/// backend. Clones act for the same request.
///
/// After a sign-in or a refresh, it acts for the new sign-in and its user. Operations that end sign-ins
/// run to completion even if their future is dropped because the client hung up. A sign-in whose
/// credential does not reach the client is rolled back: if its future is dropped, if the inner service
/// fails, or if the response is never sent.
///
/// It is an axum extractor; elsewhere, use [`Auth::of`].
///
/// The guide in the repository has a program for each task: `docs/guide/login-form.md`,
/// `docs/guide/remember-me.md`, `docs/guide/step-up.md`, `docs/guide/second-factor.md`,
/// `docs/guide/device-list.md`, `docs/guide/password-change.md`, `docs/guide/acting-for-users.md` and
/// `docs/guide/streams.md`.
///
/// # Examples
///
/// Sign in and out:
///
/// ```
/// use auth_core::{Auth, AuthError, Principal, SignedIn};
///
/// async fn login(auth: Auth) -> Result<SignedIn, AuthError> {
///     // ... after the password was checked:
///     auth.sign_in(Principal::new("alice").role("buyer")).await
/// }
///
/// async fn logout(auth: Auth) -> Result<(), AuthError> {
///     auth.sign_out().await
/// }
/// ```
///
/// Refresh the credential, such as an access token:
///
/// ```
/// use auth_core::{Auth, AuthError, SignedIn};
///
/// async fn refresh(auth: Auth) -> Result<SignedIn, AuthError> {
///     auth.refresh().await
/// }
/// ```
///
/// List the user's devices, and end one of them, or all others:
///
/// ```
/// use auth_core::{Auth, AuthError, SignInId};
///
/// async fn devices(auth: Auth) -> Result<String, AuthError> {
///     let labels = auth.sign_ins().await?.into_iter().filter_map(|device| device.label);
///     Ok(labels.collect::<Vec<_>>().join(", "))
/// }
///
/// async fn end(auth: Auth, id: SignInId) -> Result<bool, AuthError> {
///     auth.revoke(id).await
/// }
///
/// async fn end_others(auth: Auth) -> Result<usize, AuthError> {
///     auth.revoke_others().await
/// }
/// ```
///
/// Ask the store itself before a sensitive operation:
///
/// ```
/// use auth_core::{Auth, AuthError};
///
/// async fn pay(auth: Auth) -> Result<String, AuthError> {
///     let user = auth.revalidate().await?; // an error if the sign-in has ended on another node
///     Ok(format!("paid by {}", user.subject()))
/// }
/// ```
///
/// The methods have examples of a [step-up](Self::reauthenticate), of a [second factor](SignIn::pending), of
/// [acting](Self::act_as) for another user and of [streams](Self::ended) that end with their sign-in.
pub struct Auth<C = Claims> {
    context: Arc<TypedContext<C>>,
    request: Arc<RequestSnapshot>,
}

impl<C: Send + Sync + 'static> Auth<C> {
    /// Returns the handle of a request: `Auth::<User>::of(&request)`.
    ///
    /// # Errors
    ///
    /// Returns [`ConfigError`] if the request passed through no authentication layer, or through
    /// one with another claims type.
    pub fn of<'a>(head: impl Into<RequestHead<'a>>) -> Result<Self, ConfigError> {
        let head = head.into();
        let context = AuthContext::of(head.extensions(), type_name::<Self>())?;
        let context = TypedContext::of(context)?;
        let request = Arc::new(context.snapshot(&head));
        Ok(Self { context, request })
    }

    /// Creates the handle of a request with this context.
    #[cfg(feature = "testing")]
    pub(crate) fn in_context(context: Arc<TypedContext<C>>, request: RequestSnapshot) -> Self {
        Self { context, request: Arc::new(request) }
    }

    /// Returns the identity for which the request acts: that of its credential, or of the user who has
    /// signed in since. A sign-out does not change it.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity<C>> {
        self.context.identity()
    }

    /// Returns why the request's credential was rejected, if it is
    /// [explicit](crate::Transport::Explicit) and the layer is `.optional()`.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.context.rejection()
    }

    /// Starts a sign-in. Await the returned builder, or configure it first.
    ///
    /// The request's own credential is invalid afterwards. There are two exceptions: [`SignIn::backend`]
    /// names a backend, or the credential is of a custom kind, such as an API key. Data that was stored for
    /// the same user or for a visitor moves to the new sign-in; another user's data is deleted.
    ///
    /// If a cookie carries the sign-in, a request from another site is refused, unless its method is
    /// safe: the callback of an identity provider is a GET from another site. A GET that signs in must
    /// be bound to the browser that started the login, by `state` or PKCE.
    pub fn sign_in(&self, principal: Principal<C>) -> SignIn<C> {
        let options = SignInOptions::default();
        SignIn { auth: self.clone(), principal, options, backend: None }
    }

    /// Authenticates the user of the request's sign-in again, for a step-up. Call it after the application has
    /// verified another proof of the same user: the password again, a code, a passkey. Await the returned
    /// builder, or configure it first.
    ///
    /// The sign-in gets a new time of authentication, and the `acr` and `amr` that the builder states. Its
    /// credential is replaced, and both of its timeouts start again. Everything else stays as it is stored:
    /// roles, claims and scopes, label and address, [lifetime](SignIn::lifetime) and persistence. In
    /// contrast, a new [`sign_in`](Self::sign_in) of the same user replaces all of them.
    ///
    /// Fails with [`Acting`](AuthErrorKind::Acting) while the request [acts](Self::act_as) for another user, because
    /// what proves the actor does not prove the user.
    ///
    /// ```
    /// use auth_core::{Auth, AuthError, SignedIn};
    ///
    /// /// For a route with `Require::max_auth_age` or `Require::acr`, after the code was checked.
    /// async fn confirm(auth: Auth) -> Result<SignedIn, AuthError> {
    ///     auth.reauthenticate().acr("aal2").amr("pwd").amr("otp").await
    /// }
    /// ```
    pub fn reauthenticate(&self) -> Reauthenticate<C> {
        Reauthenticate { auth: self.clone(), options: ReauthenticateOptions::default() }
    }

    /// Finishes a [pending](SignIn::pending) sign-in, after the application has verified the second factor of
    /// its [user](Self::pending_subject). Await the returned builder, or configure it first: it adds to the
    /// `amr` of the sign-in, and may set its `acr`. A new sign-in with a new id and a new credential takes its
    /// place, and its [lifetime](SignIn::lifetime) begins.
    ///
    /// Fails with [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request has no pending sign-in, and
    /// with [`LimitReached`](AuthErrorKind::LimitReached) if the user has as many sign-ins as allowed. If the new
    /// credential does not reach the client, the user has to sign in again.
    pub fn finish_sign_in(&self) -> Reauthenticate<C> {
        let options = ReauthenticateOptions { finishes: true, ..ReauthenticateOptions::default() };
        Reauthenticate { auth: self.clone(), options }
    }

    /// Lets the user of the request act for another one: starts a sign-in of `principal` that names the user as its
    /// actor. Await the returned builder, or configure it first. The application decides who may act for whom,
    /// *before* it calls this.
    ///
    /// - The response replaces the credential of the request. The actor's own sign-in continues as it is, and
    ///   [`stop_acting`](Self::stop_acting) returns to it.
    /// - Everything that the request does is done as the user. [`Identity::actor`] names the actor, as does the
    ///   `act` claim of access tokens (RFC 8693), and [`Require::not_acting`](crate::Require::not_acting) closes routes.
    /// - It raises nothing: the user counts as authenticated at no time, and `acr` and `amr` of the principal are not
    ///   used. So no step-up is met, and [`reauthenticate`](Self::reauthenticate) fails.
    /// - It is in the user's list of sign-ins with the name of the [actor](SignInInfo::actor), and does not count
    ///   towards the user's limit. A user has at most ten of a kind; a further one ends the oldest.
    /// - It ends with the actor's sign-in, whatever ends that, and with the user's sign-ins if these are revoked.
    ///   Changes of the user's roles and claims reach it. `check_user` checks both users.
    /// - Signing out, or signing in as any other user, ends the actor's sign-in as well. Signing in as the user for
    ///   whom the request acts, or with [another backend](SignIn::backend), fails with [`Acting`](AuthErrorKind::Acting),
    ///   because that sign-in would not end with the actor's.
    ///
    /// ```
    /// use auth_core::{Auth, AuthError, AuthErrorKind, Identity, Principal, SignedIn};
    ///
    /// async fn impersonate(auth: Auth, user: Principal) -> Result<SignedIn, AuthError> {
    ///     // On a route that requires the role of a supporter:
    ///     if user.has_role("admin") {
    ///         return Err(AuthError::new(AuthErrorKind::Acting, "supporters do not act for admins"));
    ///     }
    ///     auth.act_as(user).label("ticket 4711").await
    /// }
    ///
    /// async fn leave(auth: Auth) -> Result<SignedIn, AuthError> {
    ///     auth.stop_acting().await
    /// }
    /// ```
    ///
    /// Of the builder's options, the lifetime, persistence, label, address and the hash for `check_user` apply, and the
    /// delivery of a refresh token, which defaults to that of the actor's. The lifetime ends with that of the actor's
    /// sign-in at the latest.
    ///
    /// Fails with [`Acting`](AuthErrorKind::Acting) if the request acts for another user already, with
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if it has no sign-in of this application, and with
    /// [`ConfigError::NoActing`] if its backend does not support it or if the builder has other options.
    pub fn act_as(&self, principal: Principal<C>) -> SignIn<C> {
        let options = SignInOptions { acting: true, ..SignInOptions::default() };
        SignIn { options, ..self.sign_in(Principal { acr: None, amr: Vec::new(), ..principal }) }
    }

    /// Ends the sign-in in which the request [acts](Self::act_as) for another user, and returns to the actor's own:
    /// it gets a new credential, and is otherwise as it was, with its former time of authentication.
    ///
    /// # Errors
    ///
    /// - [`Acting`](AuthErrorKind::Acting): the request does not act for another user.
    /// - [`Unauthenticated`](AuthErrorKind::Unauthenticated): the request is not signed in, or the actor's sign-in has
    ///   ended.
    /// - [`Unavailable`](AuthErrorKind::Unavailable): the store did not answer.
    pub async fn stop_acting(&self) -> Result<SignedIn, AuthError> {
        let options =
            ReauthenticateOptions { stops_acting: true, ..ReauthenticateOptions::default() };
        Reauthenticate { auth: self.clone(), options }.await
    }

    /// Returns the subject of the request's [pending](SignIn::pending) sign-in: the user whose second factor
    /// the application has to verify. Returns `None` if there is no such sign-in or if it has ended.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn pending_subject(&self) -> Result<Option<Arc<str>>, AuthError> {
        let id = self.context.state.sign_in().filter(|_| self.identity().is_none());
        let (Some(id), Some(backend)) = (id, self.context.auth.sign_ins()) else { return Ok(None) };
        let pending = backend.stored_sign_ins().pending_subject(id).await;
        pending.map_err(|error| self.failed(error))
    }

    /// Replaces the credential of the request's sign-in, which continues. Await the returned builder,
    /// or configure it first with a token from the body or with fewer scopes.
    ///
    /// A request that has signed in has a new credential already. It can only refresh a token from the body:
    /// without one, this fails with [`ConfigError::RefreshAfterSignIn`]. If a request refreshes twice, it gets
    /// the same new credential both times, because a response carries only one.
    pub fn refresh(&self) -> Refresh<C> {
        Refresh { auth: self.clone(), options: RefreshOptions::default() }
    }

    /// Ends every sign-in that the request's credentials name. It is not an error if there is none.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the sign-in may still be active.
    pub async fn sign_out(&self) -> Result<(), AuthError> {
        let auth = self.clone();
        to_completion(async move { auth.end_named().await }).await
    }

    /// Returns the user's active sign-ins, oldest first. The one of this request is marked as
    /// [`current`](SignInInfo::current).
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request is not signed in.
    pub async fn sign_ins(&self) -> Result<Vec<SignInInfo>, AuthError> {
        let Some(subject) = self.local_subject()? else { return Ok(Vec::new()) };
        let listed = self.backend()?.stored_sign_ins().list(subject).await;
        let mut sign_ins = listed.map_err(|error| self.failed(error))?;
        let current = self.context.state.sign_in();
        for sign_in in &mut sign_ins {
            sign_in.current = Some(sign_in.id) == current;
        }
        Ok(sign_ins)
    }

    /// Ends one of the user's sign-ins. Returns `false` if the user has no sign-in with this id. If it is that of this
    /// request, the request [signs out](Self::sign_out): the response also removes the cookie.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request is not signed in.
    pub async fn revoke(&self, id: SignInId) -> Result<bool, AuthError> {
        if self.local_subject()?.is_some() && self.context.state.sign_in() == Some(id) {
            return self.sign_out().await.map(|()| true);
        }
        Ok(self.end_to_completion(Revoke::One(id)).await? > 0)
    }

    /// Ends every sign-in of the user except this one, and returns how many. This includes API keys and other
    /// custom kinds, because an attacker who has signed in may have created an API key. To keep some, list
    /// the [sign-ins](Self::sign_ins) and [revoke](Self::revoke) the others.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request is not signed in.
    pub async fn revoke_others(&self) -> Result<usize, AuthError> {
        let which = self.context.state.sign_in().map_or(Revoke::All, Revoke::AllExcept);
        self.end_to_completion(which).await
    }

    /// Ends every sign-in of the user including this one, and returns how many: "log out everywhere". This
    /// includes API keys and other custom kinds; see [`revoke_others`](Self::revoke_others).
    ///
    /// The others end first, and this one last. If a step fails, this sign-in is still active, so that
    /// the user can try again.
    ///
    /// # Errors
    ///
    /// - [`Unauthenticated`](AuthErrorKind::Unauthenticated): the request is not signed in.
    /// - [`CrossOrigin`](AuthErrorKind::CrossOrigin): the request comes from another site. No sign-in
    ///   has ended.
    /// - [`Unavailable`](AuthErrorKind::Unavailable): some sign-ins may still be active.
    pub async fn revoke_all(&self) -> Result<usize, AuthError> {
        let auth = self.clone();
        to_completion(async move {
            auth.local_subject()?;
            let state = &auth.context.state;
            let checked = auth.backend()?.check_sign_out(auth.sign_in_context(state));
            checked.map_err(|error| auth.failed(error))?;
            let current = state.sign_in();
            let others = auth.end(current.map_or(Revoke::All, Revoke::AllExcept)).await?;
            auth.end_named().await?;
            Ok(others + usize::from(current.is_some()))
        })
        .await
    }

    /// Returns the error for a failed login: 401 with the layer's challenges, and the text "wrong
    /// credentials". `why` is logged but not sent, so that an unknown user and a wrong password have the same
    /// response.
    ///
    /// ```
    /// use auth_core::{Auth, AuthError, Principal, SignedIn};
    ///
    /// async fn login(auth: Auth, name: String, password: String) -> Result<SignedIn, AuthError> {
    ///     if !is_password(&name, &password) {
    ///         return Err(auth.wrong_credentials("wrong password"));
    ///     }
    ///     auth.sign_in(Principal::new(name)).await
    /// }
    /// # fn is_password(_: &str, _: &str) -> bool { false }
    /// ```
    pub fn wrong_credentials(&self, why: impl Into<BoxError>) -> AuthError {
        self.failed(AuthError::new(AuthErrorKind::WrongCredentials, why))
    }

    /// Returns the error for a request that needs a user: 401 with the layer's challenges. `why` is logged
    /// but not sent.
    pub fn unauthenticated(&self, why: impl Into<BoxError>) -> AuthError {
        self.failed(AuthError::new(AuthErrorKind::Unauthenticated, why))
    }

    /// Verifies the request's credential against the store, bypassing every cache on this node, and
    /// returns the identity that the newest record proves.
    ///
    /// By default, a near cache may be two seconds behind. Use this for operations that must not
    /// happen after a logout or a change of roles: payments, passwords, administration.
    /// [`Require::revalidated`](crate::Require::revalidated) does the same for a whole route.
    ///
    /// After the first call, [`identity`](Self::identity) and the other extractors return its result.
    /// A JSON Web Token from another issuer is verified again, and its revocations are read from their store. Its
    /// claims remain as they were.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request is not signed in
    /// or the sign-in has ended; [`Unavailable`](AuthErrorKind::Unavailable) if the store did not
    /// answer.
    pub async fn revalidate(&self) -> Result<Identity<C>, AuthError> {
        let refusal = match self.context.revalidate_identity(&self.request) {
            Some(revalidating) => match revalidating.await {
                Ok(identity) => return Ok(identity),
                Err(refusal) => refusal,
            },
            None => Refusal::Unauthenticated(self.rejection().copied()),
        };
        let unauthenticated = AuthErrorKind::Unauthenticated;
        Err(self.failed(match refusal {
            Refusal::Unauthenticated(Some(rejection)) => AuthError::new(unauthenticated, rejection),
            Refusal::Unavailable(error) => AuthError::new(AuthErrorKind::Unavailable, error),
            _ => AuthError::new(unauthenticated, NOT_SIGNED_IN),
        }))
    }

    /// Waits until the sign-in for which this request acts has ended, on any node, and returns the
    /// reason. Use it for long-lived work, such as a WebSocket, server-sent events or a long download:
    ///
    /// ```
    /// # use auth_core::Auth;
    /// # async fn next_message() -> Option<String> { None }
    /// # async fn send(_: String) {}
    /// async fn messages(auth: Auth) {
    ///     let mut ended = auth.ended();
    ///     loop {
    ///         tokio::select! {
    ///             _ = &mut ended => break, // close the connection
    ///             Some(message) = next_message() => send(message).await,
    ///             else => break,
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// - A refresh does not end a sign-in, so the future keeps waiting. A new sign-in of the same user, or a
    ///   [new authentication](Self::reauthenticate), ends the wait, because a connection that was opened with
    ///   the old secret does not belong to the new one.
    /// - Waiting does not extend the idle timeout: an open stream alone does not keep a sign-in alive.
    /// - An access token that belongs to a stored sign-in ends with it, not at its own `exp`. A
    ///   credential without a stored sign-in, such as a token from another issuer, ends when it
    ///   [expires](Identity::expires_at), which may be never.
    /// - If the request is not signed in, the future is ready with [`EndReason::NotSignedIn`].
    /// - If the store does not answer, the future retries. After ten seconds it returns
    ///   [`EndReason::Unconfirmed`].
    ///
    /// A store that reports changes is queried after each change and when the sign-in would expire.
    /// Other stores are queried about once a second. The future holds the store but nothing of the
    /// request, and can be dropped at any time.
    ///
    /// # Panics
    ///
    /// Panics if it is awaited outside of a tokio runtime with a time driver, unless it is ready.
    #[must_use = "it waits only while it is polled"]
    pub fn ended(&self) -> BoxFuture<EndReason> {
        let (state, identity) = (&self.context.state, self.identity());
        let own = identity.and_then(Identity::sign_in);
        match (state.sign_in(), self.context.auth.sign_ins(), identity) {
            (Some(sign_in), Some(any), _) => {
                // The identity describes another sign-in if this request started the active one.
                let found = identity
                    .filter(|_| own == Some(sign_in) && state.new_sign_in() != Some(sign_in));
                let decider = found.and_then(|_| self.context.decider().sign_ins());
                let authenticated_at = found.and_then(Identity::authenticated_at);
                decider.unwrap_or(any).stored_sign_ins().ended(sign_in, authenticated_at)
            }
            (None, _, Some(_)) if own.is_some() => Box::pin(async { EndReason::Revoked }),
            (_, _, Some(identity)) => {
                let expired = self.context.clock().sleep_until(identity.expires_at());
                Box::pin(async {
                    expired.await;
                    EndReason::Expired
                })
            }
            (_, _, None) => Box::pin(async { EndReason::NotSignedIn }),
        }
    }

    /// Returns whether the user of the request is this one, for whom another one acts.
    fn acts_for(&self, subject: &str) -> bool {
        let identity = self.identity().filter(|identity| identity.actor().is_some());
        identity.is_some_and(|identity| identity.local_subject() == Some(subject))
    }

    /// Checks that the request does not act: who acts for a user gets no other credential, which would not end with
    /// the sign-in of the actor.
    fn check_not_acting(&self) -> Result<(), AuthError> {
        match self.identity().and_then(|identity| identity.actor()) {
            None => Ok(()),
            Some(_) => {
                let why = "the request acts for another user, and can only return from it";
                Err(self.failed(AuthError::new(AuthErrorKind::Acting, why)))
            }
        }
    }

    /// Checks that the user of the request may begin to act for another one.
    fn check_acting(&self, options: &SignInOptions, name: Option<&str>) -> Result<(), AuthError> {
        let identity = self.identity().filter(|identity| identity.local_subject().is_some());
        let Some(identity) = identity.filter(|_| self.context.state.sign_in().is_some()) else {
            return Err(self.unauthenticated(NOT_SIGNED_IN));
        };
        if identity.actor().is_some() {
            let acts = "the request acts for another user already";
            return Err(self.failed(AuthError::new(AuthErrorKind::Acting, acts)));
        }
        let chosen = name.is_some() || options.transport.is_some() || options.pending;
        let states = options.authenticated_at.is_some() || options.provider.is_some();
        if !chosen && !states && self.backend()?.supports_acting() {
            Ok(())
        } else {
            Err(self.failed(ConfigError::NoActing.into()))
        }
    }

    async fn end_to_completion(&self, which: Revoke) -> Result<usize, AuthError> {
        let auth = self.clone();
        to_completion(async move { auth.end(which).await }).await
    }

    async fn end(&self, which: Revoke) -> Result<usize, AuthError> {
        let Some(subject) = self.local_subject()? else { return Ok(0) };
        let ended = self.backend()?.stored_sign_ins().revoke(subject, which).await;
        ended.map_err(|error| self.failed(error))
    }

    /// Returns the backend that a sign-in chose by its name, and its place in a combination.
    fn named_backend(
        &self,
        name: &'static str,
    ) -> Result<(&dyn SignInBackend<C>, MemberPath), ConfigError> {
        let (auth, unknown) = (&self.context.auth, ConfigError::UnknownBackend(name));
        let path = auth.named(name).ok_or(unknown)?;
        let backend = auth.member(path).map_or_else(|| auth.sign_ins(), |member| member.sign_ins());
        Ok((backend.ok_or(unknown)?, path))
    }

    /// Ends the sign-ins that the request names.
    async fn end_named(&self) -> Result<(), AuthError> {
        let state = &self.context.state;
        let operation = state.operation();
        let ended = self.backend()?.sign_out(self.sign_in_context(&operation)).await;
        ended.map_err(|error| self.failed(error))?;
        operation.signed_out();
        if state.new_sign_in().is_some() {
            state.effects(ResponseEffects::clear); // its credential
        }
        state.commit(operation).map_err(|error| self.failed(error))
    }

    /// Takes over what a backend did to start or refresh a sign-in, or rolls it back.
    fn conclude(
        &self,
        operation: RequestState,
        done: Result<SignedIn, AuthError>,
        commit: impl FnOnce(&RequestState, RequestState) -> Result<(), AuthError>,
    ) -> Result<SignedIn, AuthError> {
        let state = &self.context.state;
        let committed = done.and_then(|signed_in| commit(state, operation).map(|()| signed_in));
        committed.map_err(|error| self.failed(error))
    }

    /// Returns the subject if the user's sign-ins are in the application's own store, and `None` for
    /// a user of another issuer.
    fn local_subject(&self) -> Result<Option<&str>, AuthError> {
        self.context.local_subject().ok_or_else(|| self.unauthenticated(NOT_SIGNED_IN))
    }

    fn backend(&self) -> Result<&dyn SignInBackend<C>, AuthError> {
        Ok(self.context.auth.sign_ins().ok_or(ConfigError::NoSignIns)?)
    }

    fn sign_in_context<'a>(&'a self, state: &'a RequestState) -> SignInContext<'a> {
        SignInContext::new(state, &self.request)
    }

    /// Logs the error, unless it was logged, and adds the challenges of a 401.
    fn failed(&self, error: AuthError) -> AuthError {
        let context: &dyn ErasedContext = &*self.context;
        context.add_challenges(error.log(context.clock()))
    }
}

const NOT_SIGNED_IN: &str = "the request is not signed in";

impl<C> Clone for Auth<C> {
    fn clone(&self) -> Self {
        Self { context: Arc::clone(&self.context), request: Arc::clone(&self.request) }
    }
}

impl<C> fmt::Debug for Auth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("identity", &self.context.identity()).finish_non_exhaustive()
    }
}

/// A builder for a sign-in, returned by [`Auth::sign_in`]. Awaiting it signs in.
#[must_use = "a sign-in happens when it is awaited"]
pub struct SignIn<C> {
    auth: Auth<C>,
    principal: Principal<C>,
    options: SignInOptions,
    backend: Option<&'static str>,
}

impl<C> SignIn<C> {
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
    /// If the request acts for a sign-in of another backend, or for an identity that another backend has
    /// verified without a stored sign-in, it continues to do so: a user who is signed in by a cookie can create
    /// an API key, and stays signed in.
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
    /// when it is finished. So someone who knows only the password neither ends nor blocks a sign-in of the user.
    /// A user has at most ten pending sign-ins of a kind; a further one ends the oldest. The application must
    /// limit the number of guesses.
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
    type Output = Result<SignedIn, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;
    fn into_future(self) -> Self::IntoFuture {
        let Self { auth, principal, mut options, backend } = self;
        Box::pin(async move {
            let state = &auth.context.state;
            if options.acting {
                auth.check_acting(&options, backend)?;
                options.transport = state.transport();
            }
            let (backend, member) = match backend {
                Some(name) => {
                    auth.named_backend(name).map(|(backend, path)| (backend, Some(path)))?
                }
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
            if !options.acting && (is_addition || auth.acts_for(&principal.subject)) {
                auth.check_not_acting()?;
            }
            let operation = if is_addition { state.addition() } else { state.operation() };
            let subject = Arc::clone(&principal.subject);
            let done = backend.sign_in(auth.sign_in_context(&operation), principal, &options).await;
            if is_addition {
                return auth.conclude(operation, done, RequestState::commit_addition);
            }
            if let (Some(member), Ok(_)) = (member, &done) {
                operation.done_by_member(member);
            }
            let mut signed_in = auth.conclude(operation, done, RequestState::commit)?;
            let identity = signed_in.take_identity();
            match options.pending {
                true => auth.context.act_for_pending(),
                false => auth.context.act_for(Some(subject), identity),
            }
            Ok(signed_in)
        })
    }
}

impl<C> fmt::Debug for SignIn<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A builder for a new authentication of a user who is signed in, returned by [`Auth::reauthenticate`], or
/// for the second factor of a pending sign-in, returned by [`Auth::finish_sign_in`]. Awaiting it
/// authenticates the user.
///
/// # Errors
///
/// Awaiting it returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request has no such sign-in
/// or if that has ended. It fails with [`ConfigError::RefreshAfterSignIn`] if this request has already signed
/// in or authenticated the user again, and with [`ConfigError::NoReauthentication`] if the backend does not
/// support it.
#[must_use = "an authentication happens when it is awaited"]
pub struct Reauthenticate<C> {
    auth: Auth<C>,
    options: ReauthenticateOptions,
}

impl<C> Reauthenticate<C> {
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
    type Output = Result<SignedIn, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;
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

impl<C> fmt::Debug for Reauthenticate<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reauthenticate").field("options", &self.options).finish_non_exhaustive()
    }
}

/// A builder for a refresh, returned by [`Auth::refresh`]. Awaiting it refreshes.
///
/// # Errors
///
/// Awaiting it returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if there is no valid
/// credential to refresh, and [`InvalidScope`](AuthErrorKind::InvalidScope) if it requests more
/// scopes than the sign-in has.
#[must_use = "a refresh happens when it is awaited"]
pub struct Refresh<C> {
    auth: Auth<C>,
    options: RefreshOptions,
}

impl<C> Refresh<C> {
    /// Refreshes with this token from the request's body, instead of the request's own credential.
    pub fn token(mut self, token: impl Into<Box<str>>) -> Self {
        self.options.token = Some(token.into());
        self
    }

    /// Requests this scope, in addition to those requested before, for the new access token (RFC 6749
    /// section 6). The scopes of the sign-in do not change.
    pub fn scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.options.scopes.get_or_insert_default().push(scope.into());
        self
    }
}

impl<C: Send + Sync + 'static> IntoFuture for Refresh<C> {
    type Output = Result<SignedIn, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;
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

/// Omits the token.
impl<C> fmt::Debug for Refresh<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh").field("options", &self.options).finish_non_exhaustive()
    }
}
