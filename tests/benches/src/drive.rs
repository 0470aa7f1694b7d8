//! Runs a service on requests that are created before the measurement starts.
//!
//! Every benchmark measures a [`Case`]: a service, and the requests for it. No case waits for anything,
//! so a request is polled to its end on the thread that measures it.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::Full;
use tower::Service;

/// The number of requests in a run.
pub const BATCH: usize = 64;

pub type Body = Full<Bytes>;

/// Polls a future to its end, on this thread. It must not wait for anything else.
pub fn poll_now<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
    }
}

/// Header values in one buffer, as if read from a socket. Each request gets a copy of one.
struct Values {
    bytes: Vec<u8>,
    len: usize,
}

type Run = Box<dyn FnMut(&mut dyn FnMut()) -> Duration + Send>;

/// A service, and the requests to run it with.
pub struct Case {
    pub name: &'static str,
    run: Run,
    fork: Box<dyn Fn() -> Case + Send>,
}

impl Case {
    /// Creates a case of requests with one header each. The values take turns, in an order that the
    /// processor cannot predict.
    pub fn new<S>(
        name: &'static str,
        service: S,
        header: &'static str,
        values: &[HeaderValue],
    ) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + 'static,
    {
        let len = values[0].len();
        assert!(values.iter().all(|value| value.len() == len), "values of one length");
        let bytes = values.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().concat();
        Self::of(name, service, header, Arc::new(Values { bytes, len }))
    }

    fn of<S>(name: &'static str, service: S, header: &'static str, values: Arc<Values>) -> Self
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
            + Clone
            + Send
            + 'static,
    {
        let (mut own, mut at, mut queue) = (service.clone(), 0, Vec::with_capacity(BATCH));
        let forked = Arc::clone(&values);
        let run = move |before: &mut dyn FnMut()| {
            for _ in 0..BATCH {
                at = (at + 7919 * values.len) % values.bytes.len();
                let value = &values.bytes[at..at + values.len];
                let request = Request::get("/").header(header, value);
                queue.push(request.body(Body::default()).unwrap());
            }
            before();
            let start = Instant::now();
            for request in queue.drain(..) {
                poll_now(poll_fn(|cx| own.poll_ready(cx))).unwrap();
                let response = poll_now(own.call(request)).unwrap();
                assert!(response.status().is_success());
            }
            start.elapsed()
        };
        let fork = move || Self::of(name, service.clone(), header, Arc::clone(&forked));
        Self { name, run: Box::new(run), fork: Box::new(fork) }
    }

    /// Creates a case of a plain function, for code without a request.
    pub fn function(name: &'static str, call: impl FnMut() + Clone + Send + 'static) -> Self {
        let mut own = call.clone();
        let run = move |before: &mut dyn FnMut()| {
            before();
            let start = Instant::now();
            (0..BATCH).for_each(|_| own());
            start.elapsed()
        };
        let fork = move || Self::function(name, call.clone());
        Self { name, run: Box::new(run), fork: Box::new(fork) }
    }

    /// Runs one batch, and returns the nanoseconds per request.
    pub fn nanos(&mut self) -> f64 {
        (self.run)(&mut || ()).as_nanos() as f64 / BATCH as f64
    }

    /// Runs one batch. Calls `before` once the requests are created, and before the first one runs.
    pub fn run(&mut self, before: &mut dyn FnMut()) {
        (self.run)(before);
    }

    /// Returns the same case for another thread, with a clone of the service, as each connection has one.
    pub fn fork(&self) -> Self {
        (self.fork)()
    }
}

/// Returns the response of every handler.
pub fn ok() -> Result<Response<Body>, Infallible> {
    let mut response = Response::new(Body::default());
    let text = HeaderValue::from_static("text/plain");
    response.headers_mut().insert(http::header::CONTENT_TYPE, text);
    Ok(response)
}

/// A handler that reads nothing.
pub async fn bare(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    ok()
}
