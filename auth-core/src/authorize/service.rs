//! The service: judges, and runs the inner service or refuses.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::require::Require;
use crate::exchange::Exchange;
use crate::refusal::{self, Refusal};

/// Lets a request pass if it meets a [`Require`]ment.
#[derive(Clone, Debug)]
pub struct RequireService<S> {
    require: Require,
    inner: S,
}

impl<S> RequireService<S> {
    /// A service that judges every request.
    #[must_use]
    pub fn new(require: Require, inner: S) -> Self {
        Self { require, inner }
    }
}

impl<S, B, R> Service<Request<B>> for RequireService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = request.headers();
        let refused = match Exchange::of(request.extensions(), "Require") {
            Ok(exchange) => match self.require.check(exchange) {
                Ok(()) => None,
                Err(refusal) => Some(exchange.refuse(headers, refusal)),
            },
            Err(misuse) => {
                Some(Refusal::Misuse(misuse).into_response(refusal::grpc(headers), &|_, _| {}))
            }
        };
        let state = match refused {
            None => State::Running { inner: self.inner.call(request) },
            response => State::Refused { response },
        };
        RequireFuture { state }
    }
}

pin_project! {
    /// The response of a [`RequireService`].
    pub struct RequireFuture<F, R> {
        #[pin]
        state: State<F, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, R> {
        Running { #[pin] inner: F },
        Refused { response: Option<Response<R>> },
    }
}

impl<F, R, E> Future for RequireFuture<F, R>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Running { inner } => inner.poll(cx),
            StateProj::Refused { response } => {
                Poll::Ready(Ok(response.take().expect("polled after completion")))
            }
        }
    }
}

impl<F, R> fmt::Debug for RequireFuture<F, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequireFuture").finish_non_exhaustive()
    }
}
