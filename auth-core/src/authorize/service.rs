//! The service: judges, and runs the inner service or refuses.

use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::require::Require;
use crate::context::AuthContext;
use crate::future::BoxFuture;
use crate::refusal::{self, Refusal};
use crate::request_snapshot::RequestSnapshot;

/// Lets a request pass if it meets a [`Require`]ment.
#[derive(Clone, Debug)]
pub struct RequireService<S> {
    require: Require,
    asks: bool,
    inner: S,
}

impl<S> RequireService<S> {
    /// A service that judges every request.
    #[must_use]
    pub fn new(require: Require, inner: S) -> Self {
        Self { asks: require.asks(), require, inner }
    }
}

impl<S, B, R> Service<Request<B>> for RequireService<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequireFuture<S, B, S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let state = match confirm(&request, self.asks) {
            Ok(confirmed) => enter(&self.require, confirmed, request, &mut self.inner),
            Err(confirming) => {
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone); // the one that is ready
                let pending = Box::new(Pending { require: self.require.clone(), request, inner });
                State::Confirming { confirming, pending: Some(pending) }
            }
        };
        RequireFuture { state }
    }
}

type Confirmed = Result<(), Refusal>;

/// Asks the store first, if the requirement says so and there is somebody to ask about.
fn confirm<B>(request: &Request<B>, asks: bool) -> Result<Confirmed, BoxFuture<Confirmed>> {
    let context = request.extensions().get::<AuthContext>();
    let Some(context) = context.filter(|context| asks && context.is_identified()) else {
        return Ok(Ok(()));
    };
    let authentication = RequestSnapshot::of(request.method(), request.uri(), request.headers());
    Arc::clone(&context.0).revalidate(&authentication).into_ready()
}

/// Runs the inner service, or refuses.
fn enter<S, B, R>(
    require: &Require,
    confirmed: Confirmed,
    request: Request<B>,
    inner: &mut S,
) -> State<S, B, S::Future, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    let headers = request.headers();
    let refused = match AuthContext::of(request.extensions(), "Require") {
        Ok(context) => match confirmed.and_then(|()| require.check(context)) {
            Ok(()) => None,
            Err(refusal) => Some(context.refuse(headers, refusal)),
        },
        Err(error) => {
            Some(Refusal::Config(error).into_response(refusal::grpc(headers), &|_, _| {}))
        }
    };
    match refused {
        None => State::Running { inner: inner.call(request) },
        response => State::Refused { response },
    }
}

pin_project! {
    /// The response of a [`RequireService`].
    pub struct RequireFuture<S, B, F, R> {
        #[pin]
        state: State<S, B, F, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B, F, R> {
        // The store is asked: what it takes to go on waits in a box.
        Confirming { confirming: BoxFuture<Confirmed>, pending: Option<Box<Pending<S, B>>> },
        Running { #[pin] inner: F },
        Refused { response: Option<Response<R>> },
    }
}

struct Pending<S, B> {
    require: Require,
    request: Request<B>,
    inner: S,
}

impl<S, B, R> Future for RequireFuture<S, B, S::Future, R>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Output = Result<Response<R>, S::Error>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Confirming { confirming, pending } => {
                    let confirmed = ready!(confirming.as_mut().poll(cx));
                    let pending = pending.take().expect("polled after completion");
                    let Pending { require, request, mut inner } = *pending;
                    enter(&require, confirmed, request, &mut inner)
                }
                StateProj::Running { inner } => return inner.poll(cx),
                StateProj::Refused { response } => {
                    return Poll::Ready(Ok(response.take().expect("polled after completion")));
                }
            };
            state.set(next);
        }
    }
}

impl<S, B, F, R> fmt::Debug for RequireFuture<S, B, F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
