//! The service: asks, decides, and runs the inner service or refuses.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::decide::{self, Asked};
use super::future::{Pending, ResponseFuture, State, enter, refuse};
use super::lanes::Shards;
use super::policy::Policy;
use crate::authenticator::Authenticator;
use crate::future::AuthFuture;
use crate::head::RequestHead;

/// Finds out who sent a request, and calls the inner service with the answer in the request's
/// extensions; or refuses the request. See [`AuthLayer`](crate::AuthLayer).
pub struct AuthService<A, S> {
    auth: Shards<A>,
    policy: Policy,
    inner: S,
}

impl<A, S> AuthService<A, S> {
    /// Creates a service that refuses every request without an identity.
    #[must_use]
    pub fn new(auth: A, inner: S) -> Self {
        Self::with(Shards::new(auth), Policy::Required, inner)
    }

    pub(super) fn with(auth: Shards<A>, policy: Policy, inner: S) -> Self {
        Self { auth, policy, inner }
    }
}

impl<A, S: Clone> Clone for AuthService<A, S> {
    fn clone(&self) -> Self {
        Self { auth: self.auth.clone(), policy: self.policy, inner: self.inner.clone() }
    }
}

impl<A, S> fmt::Debug for AuthService<A, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthService").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<A, S, B, R> Service<Request<B>> for AuthService<A, S>
where
    A: Authenticator,
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<A, S, B, S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let head = RequestHead::from(&request);
        let auth = self.auth.own();
        let Asked { found, outcome } = match decide::ask(&**auth, &head) {
            Ok(asked) => asked,
            Err(refusal) => return ResponseFuture::new(refuse(&**auth, &request, refusal)),
        };
        let outcome = match outcome.map(AuthFuture::into_ready).transpose() {
            Ok(outcome) => outcome,
            Err(verifying) => {
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone); // the one that is ready
                let (auth, policy) = (Arc::clone(auth), self.policy);
                let pending = Some(Box::new(Pending { auth, policy, found, request, inner }));
                return ResponseFuture::new(State::Verifying { verifying, pending });
            }
        };
        // The answer was in memory: nothing is cloned or boxed, and the inner service runs in place.
        ResponseFuture::new(enter(auth, self.policy, found, outcome, request, &mut self.inner))
    }
}
