//! The response under way.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::decide;
use super::lanes::Lane;
use super::policy::Policy;
use crate::authenticator::Authenticator;
use crate::carrier::Found;
use crate::effects;
use crate::error::{AuthError, AuthErrorKind};
use crate::exchange::{Erased, Exchange};
use crate::future::BoxFuture;
use crate::identity::Identity;
use crate::outcome::Outcome;
use crate::refusal::{self, Refusal};
use crate::rejection::{Reason, Rejection};
use crate::request_facts::RequestFacts;
use crate::typed::{Standing, Typed};

pin_project! {
    /// The response of an [`AuthService`](crate::AuthService).
    pub struct ResponseFuture<A: Authenticator, S, B, F, R> {
        #[pin]
        state: State<A, S, B, F, R>,
    }
}

pin_project! {
    #[project = StateProj]
    pub(super) enum State<A: Authenticator, S, B, F, R> {
        // The answer is not in memory: what it takes to go on waits in a box.
        Verifying { verifying: BoxFuture<Outcome<A::Claims>>, pending: Option<Box<Pending<A, S, B>>> },
        Running { #[pin] inner: F, exchange: Arc<Typed<A::Claims>> },
        // The response is there, but its session is still being saved.
        Saving { saving: BoxFuture<Result<(), AuthError>>, response: Option<Response<R>>, exchange: Arc<Typed<A::Claims>> },
        Refused { response: Option<Response<R>> },
    }
}

pub(super) struct Pending<A, S, B> {
    pub(super) auth: Arc<Lane<A>>,
    pub(super) policy: Policy,
    pub(super) found: Option<Found>,
    pub(super) request: Request<B>,
    pub(super) inner: S,
}

impl<A: Authenticator, S, B, F, R> ResponseFuture<A, S, B, F, R> {
    #[inline(always)]
    pub(super) fn new(state: State<A, S, B, F, R>) -> Self {
        Self { state }
    }
}

impl<A: Authenticator, S, B, F, R> fmt::Debug for ResponseFuture<A, S, B, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<A, S, B, R> Future for ResponseFuture<A, S, B, S::Future, R>
where
    A: Authenticator,
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Output = Result<Response<R>, S::Error>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Verifying { verifying, pending } => {
                    let outcome = ready!(verifying.as_mut().poll(cx));
                    let pending = pending.take().expect("polled after completion");
                    let Pending { auth, policy, found, request, mut inner } = *pending;
                    enter(&auth, policy, found, Some(outcome), request, &mut inner)
                }
                StateProj::Running { inner, exchange } => {
                    // The response is changed where it lies, and moved only if it has to wait.
                    let mut polled = inner.poll(cx);
                    let Poll::Ready(Ok(response)) = &mut polled else { return polled };
                    match hook(exchange) {
                        None => {
                            finish(exchange, response, Ok(()));
                            return polled;
                        }
                        Some(Ok(saved)) => {
                            finish(exchange, response, saved);
                            return polled;
                        }
                        Some(Err(saving)) => {
                            let exchange = Arc::clone(exchange);
                            let response = Some(ready!(polled)?);
                            State::Saving { saving, response, exchange }
                        }
                    }
                }
                StateProj::Saving { saving, response, exchange } => {
                    let saved = ready!(saving.as_mut().poll(cx));
                    let mut response = response.take().expect("polled after completion");
                    finish(exchange, &mut response, saved);
                    return Poll::Ready(Ok(response));
                }
                StateProj::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect("polled after completion")));
                }
            };
            state.set(next);
        }
    }
}

type Saved = Result<(), AuthError>;

/// Starts what has to be done before the response leaves, if anybody asked for it.
fn hook<C: Send + Sync + 'static>(
    exchange: &Arc<Typed<C>>,
) -> Option<Result<Saved, BoxFuture<Saved>>> {
    let hook = exchange.turn.hook()?;
    let exchange = Exchange(Arc::clone(exchange) as _);
    Some(Arc::clone(hook).before_response(&exchange).now())
}

/// Adds what authentication has to say; puts a refusal in the place of what could not be saved.
fn finish<C, R>(exchange: &Typed<C>, response: &mut Response<R>, saved: Saved)
where
    C: Send + Sync + 'static,
    R: Default,
{
    if let Err(error) = saved {
        *response = withhold(exchange, response, error);
    }
    effects::vary(response.headers_mut(), exchange.auth.vary());
    exchange.turn.write_effects(response.headers_mut());
}

#[cold]
fn withhold<C, R>(exchange: &Typed<C>, response: &Response<R>, error: AuthError) -> Response<R>
where
    C: Send + Sync + 'static,
    R: Default,
{
    let grpc = refusal::grpc(response.headers());
    let refusal = match error.kind() {
        // The sign-in has ended since the request began.
        AuthErrorKind::Unauthenticated => {
            let scheme = exchange.identity().map_or("session", Identity::scheme);
            Refusal::Unauthenticated(Some(Rejection::new(scheme, Reason::Unknown)))
        }
        _ => error.into(),
    };
    refusal.into_response(grpc, &|demand, headers| exchange.challenge(demand, headers))
}

/// Runs the inner service with the decision in the request's extensions, or refuses.
#[inline(always)] // so that the future is built where it stays
pub(super) fn enter<A, S, B, R>(
    auth: &Arc<Lane<A>>,
    policy: Policy,
    mut found: Option<Found>,
    outcome: Option<Outcome<A::Claims>>,
    mut request: Request<B>,
    inner: &mut S,
) -> State<A, S, B, S::Future, R>
where
    A: Authenticator,
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    match decide::admit(policy, &mut found, outcome) {
        Ok(standing) => {
            // Only whom nobody knows may be given a visitor's cookie; with one, it was judged above.
            let unjudged = match (&standing, found) {
                (Standing::Nobody, None) => {
                    RequestFacts::of_unjudged(request.method(), request.uri(), request.headers())
                }
                _ => None,
            };
            let exchange = Arc::new(Typed::new(Arc::clone(auth) as _, found, standing, unjudged));
            request.extensions_mut().insert(Exchange(Arc::clone(&exchange) as _));
            State::Running { inner: inner.call(request), exchange }
        }
        Err(refusal) => refuse(&**auth, &request, refusal),
    }
}

#[cold]
pub(super) fn refuse<A: Authenticator, S, B, F, R: Default>(
    auth: &Lane<A>,
    request: &Request<B>,
    refusal: Refusal,
) -> State<A, S, B, F, R> {
    let grpc = refusal::grpc(request.headers());
    let mut response =
        refusal.into_response(grpc, &|demand, headers| auth.challenge(demand, headers));
    effects::vary(response.headers_mut(), auth.vary());
    State::Refused { response: Some(response) }
}
