//! [`Auth`], the handle with which a handler signs in and out, whichever backend runs.
//!
//! Every failure passes through `Auth::failed`, which logs it once and adds the challenges of a 401.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use super::builders::{Reauthenticate, Refresh, SignIn};
use crate::authenticate::TypedContext;
use crate::backend::{EndReason, Revoke, SignInBackend, SignInInfo, SignedIn};
use crate::background::to_completion;
use crate::claims::Claims;
use crate::context::{
    AuthContext, ErasedContext, RequestSnapshot, RequestState, ResponseEffects, SignInContext,
};
use crate::error::{AuthError, AuthErrorKind, BoxError, ConfigError};
use crate::future::BoxFuture;
use crate::head::RequestHead;
use crate::identity::Identity;
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
    pub(super) context: Arc<TypedContext<C>>,
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
        SignIn::new(self.clone(), principal)
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
        Reauthenticate::new(self.clone())
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
        let mut finish = Reauthenticate::new(self.clone());
        finish.options.finishes = true;
        finish
    }

    /// Lets the user of the request act for another one: starts a sign-in of `principal` that names the user as its
    /// actor. Await the returned builder, or configure it first. The application decides who may act for whom,
    /// *before* it calls this.
    ///
    /// - The response replaces the credential of the request. The actor's own sign-in continues as it is, and
    ///   [`stop_acting`](Self::stop_acting) returns to it.
    /// - Everything that the request does is done as the user. [`Identity::actor`] names the actor, as does the
    ///   `act` claim of access tokens (RFC 8693), and [`Require::not_acting`](crate::Require::not_acting) closes routes.
    /// - The new sign-in proves no authentication of the user: it has no time of authentication, and `acr` and `amr`
    ///   of the principal are not used. So it meets no step-up requirement, and
    ///   [`reauthenticate`](Self::reauthenticate) fails.
    /// - The user's list of sign-ins contains it, with the subject of the [actor](SignInInfo::actor). It does not count
    ///   towards the user's limit. A user has at most ten such sign-ins of each [kind](SignInInfo::kind); a further one
    ///   ends the oldest.
    /// - It ends with the actor's sign-in, whatever ends that, and with the user's sign-ins if these are revoked.
    ///   Changes of the user's roles and claims apply to it. `check_user` checks both users.
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
    /// delivery of the refresh token. The delivery defaults to that of the actor's refresh token. The lifetime ends
    /// with that of the actor's sign-in at the latest.
    ///
    /// Fails with [`Acting`](AuthErrorKind::Acting) if the request acts for another user already, with
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if it has no sign-in of this application, and with
    /// [`ConfigError::NoActing`] if its backend does not support it or if the builder has other options.
    pub fn act_as(&self, principal: Principal<C>) -> SignIn<C> {
        let mut act = self.sign_in(Principal { acr: None, amr: Vec::new(), ..principal });
        act.options.acting = true;
        act
    }

    /// Ends the sign-in in which the request [acts](Self::act_as) for another user, and returns to the actor's own
    /// sign-in. The actor's sign-in gets a new credential. Everything else in it stays as it was, such as its time of
    /// authentication.
    ///
    /// # Errors
    ///
    /// - [`Acting`](AuthErrorKind::Acting): the request does not act for another user.
    /// - [`Unauthenticated`](AuthErrorKind::Unauthenticated): the request is not signed in, or the actor's sign-in has
    ///   ended.
    /// - [`Unavailable`](AuthErrorKind::Unavailable): the store did not answer.
    pub async fn stop_acting(&self) -> Result<SignedIn, AuthError> {
        let mut stop = Reauthenticate::new(self.clone());
        stop.options.stops_acting = true;
        stop.await
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
        Refresh::new(self.clone())
    }

    /// Ends every sign-in that the request's credentials name. It is not an error if there is none.
    ///
    /// # Errors
    ///
    /// - [`CrossOrigin`](AuthErrorKind::CrossOrigin): the request comes from another site. No sign-in has ended.
    /// - [`Unavailable`](AuthErrorKind::Unavailable): the sign-in may still be active.
    pub async fn sign_out(&self) -> Result<(), AuthError> {
        let auth = self.clone();
        to_completion(async move { auth.end_named().await }).await
    }

    /// Returns the user's active sign-ins, oldest first. The one of this request is marked as
    /// [`current`](SignInInfo::current). For a user of another issuer, the list is empty.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request is not signed in, and
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
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
    /// - [`Unauthenticated`](AuthErrorKind::Unauthenticated): the request is not signed in.
    /// - [`CrossOrigin`](AuthErrorKind::CrossOrigin): the sign-in is that of this request, which comes from another
    ///   site. No sign-in has ended.
    /// - [`Unavailable`](AuthErrorKind::Unavailable): the sign-in may still be active.
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
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the request is not signed in, and
    /// [`Unavailable`](AuthErrorKind::Unavailable) if some sign-ins may still be active.
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
    async fn end_to_completion(&self, which: Revoke) -> Result<usize, AuthError> {
        let auth = self.clone();
        to_completion(async move { auth.end(which).await }).await
    }

    async fn end(&self, which: Revoke) -> Result<usize, AuthError> {
        let Some(subject) = self.local_subject()? else { return Ok(0) };
        let ended = self.backend()?.stored_sign_ins().revoke(subject, which).await;
        ended.map_err(|error| self.failed(error))
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
    pub(super) fn conclude(
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
    pub(super) fn local_subject(&self) -> Result<Option<&str>, AuthError> {
        self.context.local_subject().ok_or_else(|| self.unauthenticated(NOT_SIGNED_IN))
    }

    pub(super) fn backend(&self) -> Result<&dyn SignInBackend<C>, AuthError> {
        Ok(self.context.auth.sign_ins().ok_or(ConfigError::NoSignIns)?)
    }

    pub(super) fn sign_in_context<'a>(&'a self, state: &'a RequestState) -> SignInContext<'a> {
        SignInContext::new(state, &self.request)
    }

    /// Logs the error, unless it was logged, and adds the challenges of a 401.
    pub(super) fn failed(&self, error: AuthError) -> AuthError {
        let context: &dyn ErasedContext = &*self.context;
        context.add_challenges(error.log(context.clock()))
    }
}

pub(super) const NOT_SIGNED_IN: &str = "the request is not signed in";

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
