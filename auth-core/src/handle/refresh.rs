//! A refresh about to happen.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;

use super::context::Context;
use crate::error::AuthError;
use crate::sign_ins::RefreshOptions;
use crate::signed_in::SignedIn;

/// A refresh about to happen: await it.
///
/// # Errors
/// Awaiting it yields [`Unauthenticated`](crate::AuthErrorKind::Unauthenticated) if there is no
/// good credential to renew, [`Scope`](crate::AuthErrorKind::InvalidScope) if more was asked for than the
/// sign-in has.
#[must_use = "a refresh happens when it is awaited"]
pub struct Refresh<C> {
    context: Context<C>,
    options: RefreshOptions,
}

impl<C> Refresh<C> {
    pub(super) fn new(context: Context<C>) -> Self {
        Self { context, options: RefreshOptions::default() }
    }

    /// Renews by this token, which came in the request's body, instead of the request's own
    /// credential.
    pub fn token(mut self, token: impl Into<Box<str>>) -> Self {
        self.options.token = Some(token.into());
        self
    }

    /// Asks for this scope and those named before, and no others, in the new access token (RFC 6749
    /// section 6). The sign-in keeps what it has.
    pub fn scope(mut self, scope: impl Into<Box<str>>) -> Self {
        self.options.scopes.get_or_insert_default().push(scope.into());
        self
    }
}

impl<C: Send + Sync + 'static> IntoFuture for Refresh<C> {
    type Output = Result<SignedIn, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;
    fn into_future(self) -> Self::IntoFuture {
        let Self { context, options } = self;
        Box::pin(async move {
            let refreshed = context.backend()?.refresh(context.context(), &options).await;
            refreshed.map_err(|error| context.failed(error))
        })
    }
}

/// Without the token.
impl<C> fmt::Debug for Refresh<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh").field("options", &self.options).finish_non_exhaustive()
    }
}
