//! [`to_completion`], for work that must not stop when the client hangs up.
//!
//! A server drops a request's future as soon as the connection is gone. What the user asked to end
//! must end nevertheless.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::runtime::Handle;

use crate::future::BoxFuture;

/// Runs `work` in the caller's task. If the caller drops the future after it has begun and before it is ready,
/// the rest of the work runs in a task of its own. If the future was never polled, no work runs.
pub fn to_completion<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = T> + Send {
    Completed { work: Some(Box::pin(work)), started: false }
}

struct Completed<T: Send + 'static> {
    work: Option<BoxFuture<T>>,
    started: bool,
}

impl<T: Send + 'static> Future for Completed<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.started = true;
        let work = self.work.as_mut().expect("polled after completion");
        let output = ready!(work.as_mut().poll(cx));
        self.work = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for Completed<T> {
    fn drop(&mut self) {
        let Some(work) = self.work.take().filter(|_| self.started) else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async { drop(work.await) })),
            Err(_) => tracing::error!("work of a cancelled request dropped: no tokio runtime"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn work_continues_when_its_future_is_dropped() {
        let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        for started in [true, false] {
            let work = {
                let (go, done) = (Arc::clone(&go), Arc::clone(&done));
                to_completion(async move {
                    go.notified().await;
                    done.notify_one();
                })
            };
            if started {
                tokio::select! {
                    biased;
                    () = work => panic!("it waits"),
                    () = std::future::ready(()) => {}
                }
                go.notify_one();
                done.notified().await;
            } else {
                drop(work);
                assert_eq!(Arc::strong_count(&go), 1, "work that has not begun is dropped");
            }
        }
    }
}
