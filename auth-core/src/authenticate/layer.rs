//! Any authenticator as a layer.

use std::fmt;

use tower_layer::Layer;

use super::lanes::Shards;
use super::policy::Policy;
use super::service::AuthService;
use crate::authenticator::Authenticator;

/// Any [`Authenticator`] as a Tower layer.
///
/// The backends are layers themselves; this is what their `.optional()` gives, and how an
/// application's own authenticator becomes one. Put CORS outside of it: preflight requests carry
/// no credentials and would be refused.
pub struct AuthLayer<A> {
    auth: Shards<A>,
    policy: Policy,
}

impl<A: Authenticator> AuthLayer<A> {
    /// A layer that refuses every request without an identity.
    #[must_use]
    pub fn new(auth: A) -> Self {
        Self { auth: Shards::new(auth), policy: Policy::Required }
    }

    /// Lets requests without an identity through.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { policy: Policy::Optional, ..self }
    }
}

impl<A> Clone for AuthLayer<A> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), policy: self.policy }
    }
}

impl<A> fmt::Debug for AuthLayer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthLayer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<A, S> Layer<S> for AuthLayer<A> {
    type Service = AuthService<A, S>;
    fn layer(&self, inner: S) -> Self::Service {
        AuthService::with(self.auth.clone(), self.policy, inner)
    }
}
