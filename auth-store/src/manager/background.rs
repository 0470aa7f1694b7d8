//! Work that no response waits for, such as writing the last-seen time.
//!
//! Most of it is not retried: the next use of the sign-in does the same work. A rollback is
//! [repeated](repeat).

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use auth_core::Clock;

use crate::error::StoreError;

/// The first pause between two repetitions; each is four times as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a step that was not answered may take to have its effect: longer than the timeouts of the
/// stores.
const SETTLED: Duration = Duration::from_secs(30);
/// How long a step is repeated while the store fails.
const TIMEOUT: Duration = Duration::from_secs(600);
/// How many repeated steps may run at a time. During a long outage, the others are given up.
const MAX_REPEATED: usize = 10_000;

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

/// Repeats a step until it returns that it has had its effect. A step that finds nothing to do is
/// repeated for half a minute, and one that fails for ten minutes.
pub(super) fn repeat<F>(what: &'static str, mut step: impl FnMut() -> F + Send + 'static)
where
    F: Future<Output = Result<bool, StoreError>> + Send + 'static,
{
    static RUNNING: AtomicUsize = AtomicUsize::new(0);
    run(what, async move {
        let running = Running::enter(&RUNNING);
        let (mut pause, mut paused) = (FIRST_PAUSE, Duration::ZERO);
        loop {
            let done = step().await;
            let is_last = running.0.is_none() || paused >= TIMEOUT;
            match done {
                Ok(true) => return Ok(()),
                Ok(false) if is_last || paused >= SETTLED => return Ok(()),
                Err(error) if is_last => return Err(error),
                Ok(false) | Err(_) => {}
            }
            tokio::task::yield_now().await; // continues in a task of its own, where it can sleep
            tokio::time::sleep(pause).await;
            paused += pause;
            pause = (pause * 4).min(LONGEST_PAUSE);
        }
    });
}

/// One of the repeated steps that may run at a time, or none.
struct Running(Option<&'static AtomicUsize>);

impl Running {
    fn enter(count: &'static AtomicUsize) -> Self {
        if count.fetch_add(1, Ordering::Relaxed) < MAX_REPEATED {
            return Self(Some(count));
        }
        count.fetch_sub(1, Ordering::Relaxed);
        Self(None)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
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
