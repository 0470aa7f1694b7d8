//! Work that no response waits for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::error::StoreError;

/// Does what can be done at once here, and the rest in a task of its own. A failure is an event:
/// what is done here will be tried again at the next use.
pub(super) fn run(
    what: &'static str,
    work: impl Future<Output = Result<(), StoreError>> + Send + 'static,
) {
    let mut work: Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send>> = Box::pin(work);
    match work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => report(what, result),
        Poll::Pending => match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { report(what, work.await) })),
            Err(_) => tracing::warn!(what, "dropped: it needs a tokio runtime"),
        },
    }
}

fn report(what: &'static str, result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::warn!(what, error = &error as &dyn std::error::Error, "failed in the background");
    }
}
