//! [`Refresh`], the builder for a refresh.

use std::sync::Arc;

use super::handle::Auth;
use crate::backend::{RefreshOptions, SignInResult};
use crate::context::RequestState;
use crate::error::ConfigError;
use crate::future::BoxFuture;
use crate::identity::Identity;

/// A builder for a refresh, returned by [`Auth::refresh`]. Awaiting it refreshes.
///
/// # Errors
///
/// Awaiting it returns [`Unauthenticated`](crate::AuthErrorKind::Unauthenticated) if there is no valid
/// credential to refresh, and [`InvalidScope`](crate::AuthErrorKind::InvalidScope) if it requests more
/// scopes than the sign-in has.
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
    /// section 6). The scopes of the sign-in do not change.
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
