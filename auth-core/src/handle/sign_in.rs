//! A sign-in about to happen.

use std::fmt;
use std::future::IntoFuture;
use std::net::IpAddr;
use std::pin::Pin;

use super::context::Context;
use crate::error::{AuthError, ConfigError};
use crate::principal::Principal;
use crate::sign_ins::{Persistence, RefreshTokenDelivery, SignInOptions};
use crate::signed_in::SignedIn;
use crate::transport::Transport;

/// A sign-in about to happen: await it.
#[must_use = "a sign-in happens when it is awaited"]
pub struct SignIn<C> {
    context: Context<C>,
    principal: Principal<C>,
    options: SignInOptions,
}

impl<C> SignIn<C> {
    pub(super) fn new(context: Context<C>, principal: Principal<C>) -> Self {
        Self { context, principal, options: SignInOptions::default() }
    }

    /// Issues a cookie, also under a backend that issues tokens by default. Fails with
    /// [`ConfigError::UnsupportedTransport`] if the backend issues no cookies.
    pub fn as_cookie(mut self) -> Self {
        self.options.transport = Some(Transport::Ambient);
        self
    }

    /// Returns tokens in the response's body, also under a backend that issues cookies by default.
    /// Fails with [`ConfigError::UnsupportedTransport`] if the backend issues no tokens.
    pub fn as_tokens(mut self) -> Self {
        self.options.transport = Some(Transport::Explicit);
        self
    }

    /// Whether to remember the user on this device.
    pub fn persistence(mut self, persistence: Persistence) -> Self {
        self.options.persistence = Some(persistence);
        self
    }

    /// Where the secret that renews a token goes; the backend's own choice otherwise.
    pub fn deliver(mut self, delivery: RefreshTokenDelivery) -> Self {
        self.options.delivery = Some(delivery);
        self
    }

    /// What the user calls the device.
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        self.options.label = Some(label.into());
        self
    }

    /// Where the request came from, for the device list. Behind a proxy only the application
    /// knows which header to believe.
    pub fn address(mut self, address: IpAddr) -> Self {
        self.options.address = Some(address);
        self
    }
}

impl<C: Send + Sync + 'static> IntoFuture for SignIn<C> {
    type Output = Result<SignedIn, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;
    fn into_future(self) -> Self::IntoFuture {
        let Self { context, principal, options } = self;
        Box::pin(async move {
            let backend = context.backend()?;
            if options.transport.is_some_and(|transport| !backend.supports_transport(transport)) {
                return Err(ConfigError::UnsupportedTransport.into());
            }
            let signed_in = backend.sign_in(context.context(), principal, &options).await;
            signed_in.map_err(|error| context.failed(error))
        })
    }
}

impl<C> fmt::Debug for SignIn<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn").field("options", &self.options).finish_non_exhaustive()
    }
}
