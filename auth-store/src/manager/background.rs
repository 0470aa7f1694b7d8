//! Work that no response waits for, such as writing the last-seen time.
//!
//! A failure is logged and not retried.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use auth_core::Clock;

use crate::error::StoreError;

/// Runs work until it first waits, and the rest in a task of its own, so that work in memory needs
/// no task. A failure is logged and not retried: the next use of the sign-in does the same work.
pub(super) fn run(
    what: &'static str,
    work: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) {
    let mut work: Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>> = Box::pin(work);
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => report(what, result),
        Poll::Pending => match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { report(what, work.await) })),
            Err(_) => tracing::warn!(what, "background work dropped: no tokio runtime"),
        },
    }
}

fn report(what: &'static str, result: Result<(), StoreError>) {
    if let Err(error) = result
        && let Some(suppressed) = Clock::system().admit_event(what)
    {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(what, suppressed, error, "background work failed");
    }
}
