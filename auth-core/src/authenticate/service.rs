//! [`AuthLayer`] and its service, which choose the credential that decides about a request and
//! check the origin of the request.
//!
//! The last part of the file shares one authenticator among all requests.

use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::thread;

use http::{HeaderMap, HeaderValue, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::response::{Pending, ResponseFuture, State, enter, refuse};
use super::typed_context::Policy;
use crate::backend::{Attempt, Authenticator, Outcome, SignInBackend, forward_authenticator};
use crate::clock::Clock;
use crate::context::{FoundCredential, MemberPath, Transport};
use crate::cross_origin::{CrossOriginProtection, RequestOrigin};
use crate::future::AuthFuture;
use crate::head::{Authorization, RequestHead};
use crate::refusal::Refusal;
use crate::rejection::{ChallengeReason, Rejection, RejectionReason};

/// Makes any [`Authenticator`] a Tower layer.
///
/// The backends are layers themselves. Their `.optional()` returns an `AuthLayer`, and an
/// application's own authenticator becomes a layer with [`AuthLayer::new`]:
///
/// ```
/// use auth_core::{AuthLayer, Authenticator};
/// use axum::{Router, routing::get};
///
/// fn app(auth: impl Authenticator) -> Router {
///     Router::new().route("/", get(|| async { "hello" })).layer(AuthLayer::new(auth))
/// }
/// ```
///
/// Put a CORS layer outside of it: preflight requests carry no credentials and would be refused.
pub struct AuthLayer<A> {
    auth: Shards<A>,
    policy: Policy,
}

impl<A: Authenticator> AuthLayer<A> {
    /// Creates a layer that refuses every request without an identity.
    #[must_use]
    pub fn new(auth: A) -> Self {
        Self { auth: Shards::new(auth), policy: Policy::Required }
    }

    /// Lets requests without an identity through. An invalid cookie counts as no cookie, and an
    /// invalid `Authorization` header passes only to handlers that use [`Auth`](crate::Auth).
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
        AuthService { auth: self.auth.clone(), policy: self.policy, inner }
    }
}

/// Authenticates a request, and calls the inner service or refuses the request. See [`AuthLayer`].
pub struct AuthService<A, S> {
    auth: Shards<A>,
    policy: Policy,
    inner: S,
}

impl<A, S> AuthService<A, S> {
    /// Creates a service that refuses every request without an identity.
    #[must_use]
    pub fn new(auth: A, inner: S) -> Self {
        Self { auth: Shards::new(auth), policy: Policy::Required, inner }
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
        let auth = self.auth.of_this_thread();
        let Found { credential, outcome } = match find(&**auth, &head) {
            Ok(found) => found,
            Err(refusal) => return ResponseFuture::new(refuse(&**auth, &request, refusal)),
        };
        let outcome = match outcome.map(AuthFuture::into_ready).transpose() {
            Ok(outcome) => outcome,
            Err(verifying) => {
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone); // the ready one
                let (auth, policy) = (Arc::clone(auth), self.policy);
                let pending = Some(Box::new(Pending { auth, policy, credential, request, inner }));
                return ResponseFuture::new(State::Verifying { verifying, pending });
            }
        };
        // The outcome was in memory: nothing is cloned or boxed, and the inner service is called here.
        ResponseFuture::new(enter(auth, self.policy, credential, outcome, request, &mut self.inner))
    }
}

/// The credential that a request's head carries, and its verification. Both are `None` together.
struct Found<C> {
    credential: Option<FoundCredential>,
    outcome: Option<AuthFuture<Outcome<C>>>,
}

/// Finds the credential that decides about the request. Refuses an ambient one if the request comes
/// from another site.
#[inline]
fn find<A: Authenticator>(auth: &A, head: &RequestHead<'_>) -> Result<Found<A::Claims>, Refusal> {
    let attempt = match head.authorization() {
        Authorization::Many => Some(rejected(head, RejectionReason::Duplicate)),
        authorization => match (auth.authenticate(head), authorization) {
            (Some(attempt), _) if attempt.in_header() => Some(attempt),
            // An `Authorization` header that no authenticator recognizes is never ignored.
            (_, Authorization::One(_)) => Some(rejected(head, RejectionReason::Unrecognized)),
            (attempt, _) => attempt,
        },
    };
    let Some(attempt) = attempt else { return Ok(Found { credential: None, outcome: None }) };
    let credential = FoundCredential {
        transport: attempt.transport(),
        member: attempt.member(),
        superseded: false,
    };
    if credential.transport == Transport::Ambient {
        let origin = RequestOrigin::of(head.method(), head.uri(), head.headers());
        let checked = match auth.member(credential.member) {
            Some(member) => member.cross_origin().check(&origin),
            None => auth.cross_origin().check(&origin),
        };
        checked.map_err(|_| Refusal::CrossOrigin)?;
    }
    Ok(Found { credential: Some(credential), outcome: Some(attempt.into_outcome()) })
}

/// Rejects the `Authorization` header. For a bearer token of any issuer, RFC 6750 names the error; other
/// schemes have none.
#[cold]
fn rejected<C>(head: &RequestHead<'_>, reason: RejectionReason) -> Attempt<C> {
    let bearer = head.credentials("Bearer").is_some();
    let scheme = if bearer { "bearer" } else { "unrecognized" };
    Attempt::explicit(Outcome::Rejected(Rejection::new(scheme, reason)))
}

/// One authenticator, shared by all requests without a shared reference count.
///
/// Every request holds its authenticator, so every request counts a reference. With a single counter,
/// all cores would contend for its cache line; here each thread has a counter of its own.
struct Shards<A>(Arc<[Arc<Shard<A>>]>);

/// One counter, far enough from the next one for any cache.
#[repr(align(128))]
pub(super) struct Shard<A>(Arc<A>);

impl<A> Shards<A> {
    fn new(auth: A) -> Self {
        let auth = Arc::new(auth);
        static COUNT: LazyLock<usize> = LazyLock::new(|| {
            thread::available_parallelism().map_or(1, usize::from).min(16).next_power_of_two()
        });
        Self((0..*COUNT).map(|_| Arc::new(Shard(Arc::clone(&auth)))).collect())
    }

    #[inline]
    fn of_this_thread(&self) -> &Arc<Shard<A>> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! { static OWN: usize = NEXT.fetch_add(1, Ordering::Relaxed) }
        let own = OWN.try_with(|own| *own).unwrap_or(0); // fails while the thread shuts down
        &self.0[own & (self.0.len() - 1)]
    }
}

impl<A> Clone for Shards<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A: Authenticator> Authenticator for Shard<A> {
    forward_authenticator!(A::Claims, |this| this.0);
}
