//! [`ResponseFuture`], the response future of the authentication layer.
//!
//! It waits for the verification, runs the inner service, and finishes the response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::service::Shard;
use super::typed_context::{Admission, Policy, TypedContext, admit};
use crate::backend::{Authenticator, Outcome};
use crate::context::{AuthContext, ErasedContext, FoundCredential, RequestSnapshot, vary};
use crate::error::{AuthError, AuthErrorKind};
use crate::future::BoxFuture;
use crate::identity::Identity;
use crate::refusal::{self, Refusal};
use crate::rejection::{Rejection, RejectionReason};

pin_project! {
    /// The response future of [`AuthService`](crate::AuthService).
    pub struct ResponseFuture<A: Authenticator, S, B, F, R> {
        #[pin]
        state: State<A, S, B, F, R>,
    }
}

pin_project! {
    #[project = StateProj]
    pub(super) enum State<A: Authenticator, S, B, F, R> {
        // The outcome is not in memory. What is needed to continue is boxed.
        Verifying { verifying: BoxFuture<Outcome<A::Claims>>, pending: Option<Box<Pending<A, S, B>>> },
        Running { #[pin] inner: F, context: Arc<TypedContext<A::Claims>> },
        // The response is ready, but its hook is not, such as a session that is being saved.
        Saving { saving: BoxFuture<Result<(), AuthError>>, response: Option<Response<R>>, context: Arc<TypedContext<A::Claims>> },
        Refused { response: Option<Response<R>> },
    }
}

pub(super) struct Pending<A, S, B> {
    pub(super) auth: Arc<Shard<A>>,
    pub(super) policy: Policy,
    pub(super) credential: Option<FoundCredential>,
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
                    let Pending { auth, policy, credential, request, mut inner } = *pending;
                    enter(&auth, policy, credential, Some(outcome), request, &mut inner)
                }
                StateProj::Running { inner, context } => {
                    // The response is changed in place, and moved only if it has to wait.
                    let mut polled = inner.poll(cx);
                    let Poll::Ready(Ok(response)) = &mut polled else { return polled };
                    match run_hook(context) {
                        None => {
                            finish(context, response, Ok(()));
                            return polled;
                        }
                        Some(Ok(saved)) => {
                            finish(context, response, saved);
                            return polled;
                        }
                        Some(Err(saving)) => {
                            let context = Arc::clone(context);
                            let response = Some(ready!(polled)?);
                            State::Saving { saving, response, context }
                        }
                    }
                }
                StateProj::Saving { saving, response, context } => {
                    let saved = ready!(saving.as_mut().poll(cx));
                    let mut response = response.take().expect("polled after completion");
                    finish(context, &mut response, saved);
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

/// Starts the response hook, if there is one.
fn run_hook<C: Send + Sync + 'static>(
    context: &Arc<TypedContext<C>>,
) -> Option<Result<Saved, BoxFuture<Saved>>> {
    let hook = context.state.hook()?;
    let context = AuthContext::new(Arc::clone(context) as _);
    Some(Arc::clone(hook).before_response(&context).into_ready())
}

/// Adds the headers of authentication. Replaces the response by a refusal if its hook failed.
fn finish<C, R>(context: &TypedContext<C>, response: &mut Response<R>, saved: Saved)
where
    C: Send + Sync + 'static,
    R: Default,
{
    if let Err(error) = saved {
        *response = refusal_of(context, response, error);
    }
    vary(response.headers_mut(), context.auth.vary());
    context.state.write_effects(response.headers_mut());
}

#[cold]
fn refusal_of<C, R>(
    context: &TypedContext<C>,
    response: &Response<R>,
    error: AuthError,
) -> Response<R>
where
    C: Send + Sync + 'static,
    R: Default,
{
    let grpc = refusal::grpc(response.headers());
    let refusal = match error.kind() {
        // The sign-in has ended since the request started.
        AuthErrorKind::Unauthenticated => {
            let scheme = context.identity().map_or("session", Identity::scheme);
            Refusal::Unauthenticated(Some(Rejection::new(scheme, RejectionReason::Unknown)))
        }
        _ => error.into(),
    };
    refusal.into_response(grpc, &|reason, headers| context.challenge(reason, headers))
}

/// Calls the inner service with the context in the request's extensions, or refuses the request.
#[inline(always)] // so that the future is built in its final place
pub(super) fn enter<A, S, B, R>(
    auth: &Arc<Shard<A>>,
    policy: Policy,
    mut credential: Option<FoundCredential>,
    outcome: Option<Outcome<A::Claims>>,
    mut request: Request<B>,
    inner: &mut S,
) -> State<A, S, B, S::Future, R>
where
    A: Authenticator,
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    match admit(policy, &mut credential, outcome) {
        Ok(admission) => {
            // Without a credential, the response may set a visitor's cookie, which has to check the
            // request's origin then. With an ambient one, the service has checked it.
            let snapshot = match (&admission, credential) {
                (Admission::NotSignedIn, None) => {
                    RequestSnapshot::of_unsafe(request.method(), request.uri(), request.headers())
                }
                _ => None,
            };
            let auth = Arc::clone(auth) as _;
            let context = Arc::new(TypedContext::new(auth, credential, admission, snapshot));
            request.extensions_mut().insert(AuthContext::new(Arc::clone(&context) as _));
            State::Running { inner: inner.call(request), context }
        }
        Err(refusal) => refuse(&**auth, &request, refusal),
    }
}

#[cold]
pub(super) fn refuse<A: Authenticator, S, B, F, R: Default>(
    auth: &Shard<A>,
    request: &Request<B>,
    refusal: Refusal,
) -> State<A, S, B, F, R> {
    let grpc = refusal::grpc(request.headers());
    let mut response =
        refusal.into_response(grpc, &|reason, headers| auth.challenge(reason, headers));
    vary(response.headers_mut(), auth.vary());
    State::Refused { response: Some(response) }
}
