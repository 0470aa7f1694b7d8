//! `Auth<C>`: what a handler does with sign-ins, whichever backend runs.

use std::any::type_name;
use std::fmt;
use std::sync::Arc;

use super::context::Context;
use super::refresh::Refresh;
use super::sign_in::SignIn;
use crate::context::{AuthContext, Erased};
use crate::error::{AuthError, AuthErrorKind, BoxError, ConfigError};
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::principal::{Claims, Principal};
use crate::rejection::Rejection;
use crate::request_snapshot::RequestSnapshot;
use crate::sign_in_id::SignInId;
use crate::sign_ins::{Revoke, SignInInfo};

/// The request's handle on sign-ins: signs in and out, refreshes, lists and revokes, whichever
/// backend runs. A clone is the same request. An axum extractor; elsewhere, [`Auth::of`].
pub struct Auth<C = Claims>(pub(super) Context<C>);

impl<C: Send + Sync + 'static> Auth<C> {
    /// The handle of a request: `Auth::<User>::of(&request)`.
    ///
    /// # Errors
    /// [`ConfigError`] if no authentication layer saw the request, or one with other claims.
    pub fn of<'a>(head: impl Into<RequestHead<'a>>) -> Result<Self, ConfigError> {
        let head = head.into();
        let context = AuthContext::of(head.extensions(), type_name::<Self>())?.to_typed()?;
        let request = RequestSnapshot::of(head.method(), head.uri(), head.headers());
        Ok(Self(Context { context, request: Arc::new(request) }))
    }

    /// Who sent the request. A sign-in or sign-out in this request does not change it;
    /// [`confirm`](Self::confirm) does.
    #[must_use]
    pub fn identity(&self) -> Option<&Identity<C>> {
        self.0.context.identity()
    }

    /// Why the request's credential was refused, if it came in an `Authorization` header and the
    /// layer is `.optional()`.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        self.0.context.rejection()
    }

    /// Signs somebody in: await it, or say more first.
    ///
    /// The credential that came with the request is dead afterwards. Data that was stored for the
    /// same user or an anonymous visitor moves along; another user's is gone.
    ///
    /// By cookie, a request of another site is refused, unless its method is safe: the callback of
    /// an identity provider is a GET from another site. A GET that signs in has to be bound to the
    /// browser that began, by `state` or PKCE.
    pub fn sign_in(&self, principal: Principal<C>) -> SignIn<C> {
        SignIn::new(self.0.clone(), principal)
    }

    /// Replaces the credential of the request's sign-in, which goes on: await it, or name a token
    /// that came in the body, or fewer scopes first.
    pub fn refresh(&self) -> Refresh<C> {
        Refresh::new(self.0.clone())
    }

    /// Ends whatever sign-in the request can name. Nobody signed in is no error.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the sign-in may still be alive.
    pub async fn sign_out(&self) -> Result<(), AuthError> {
        let ended = self.0.backend()?.sign_out(self.0.context()).await;
        ended.map_err(|error| self.0.failed(error))?;
        self.0.context.state.signed_out();
        Ok(())
    }

    /// The user's living sign-ins, oldest first; the one that asks is marked.
    ///
    /// # Errors
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if nobody is signed in.
    pub async fn sign_ins(&self) -> Result<Vec<SignInInfo>, AuthError> {
        let Some(subject) = self.own()? else { return Ok(Vec::new()) };
        let listed = self.0.backend()?.list(subject).await;
        let mut sign_ins = listed.map_err(|error| self.0.failed(error))?;
        let current = self.0.context.state.sign_in();
        for sign_in in &mut sign_ins {
            sign_in.current = Some(sign_in.id) == current;
        }
        Ok(sign_ins)
    }

    /// Ends one of the user's sign-ins. `false` if the user has none of this name.
    ///
    /// # Errors
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if nobody is signed in.
    pub async fn revoke(&self, id: SignInId) -> Result<bool, AuthError> {
        Ok(self.end(Revoke::One(id)).await? > 0)
    }

    /// Ends every sign-in of the user but this one, and says how many.
    ///
    /// # Errors
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if nobody is signed in.
    pub async fn revoke_others(&self) -> Result<usize, AuthError> {
        let which = self.0.context.state.sign_in().map_or(Revoke::All, Revoke::AllExcept);
        self.end(which).await
    }

    /// Ends every sign-in of the user, this one too, and says how many.
    ///
    /// # Errors
    /// [`Unauthenticated`](AuthErrorKind::Unauthenticated) if nobody is signed in.
    pub async fn revoke_all(&self) -> Result<usize, AuthError> {
        self.own()?;
        let current = usize::from(self.0.context.state.sign_in().is_some());
        self.sign_out().await?; // which a request of another site may not: so this comes first
        Ok(self.end(Revoke::All).await? + current)
    }

    /// What a handler answers when a password is wrong: 401 with the schemes that could have
    /// worked. Only events tell `why`.
    pub fn unauthenticated(&self, why: impl Into<BoxError>) -> AuthError {
        self.0.failed(AuthError::new(AuthErrorKind::Unauthenticated, why))
    }

    async fn end(&self, which: Revoke) -> Result<usize, AuthError> {
        let Some(subject) = self.own()? else { return Ok(0) };
        let ended = self.0.backend()?.revoke(subject, which).await;
        ended.map_err(|error| self.0.failed(error))
    }

    /// Whether the user's sign-ins are those of our stores: a user of another issuer who has the
    /// same name is somebody else.
    fn own(&self) -> Result<Option<&str>, AuthError> {
        let nobody = || self.unauthenticated("nobody is signed in");
        let identity = self.identity().ok_or_else(nobody)?;
        let ours = identity.authentication().issuer.is_none() || identity.sign_in().is_some();
        Ok(ours.then(|| identity.subject()))
    }
}

impl<C> Clone for Auth<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C> fmt::Debug for Auth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("identity", &self.0.context.identity()).finish_non_exhaustive()
    }
}
