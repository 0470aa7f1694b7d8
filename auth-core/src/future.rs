//! A future that is often ready when it is made.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The answer, or a boxed future of it: nameable, dyn-compatible, and free of allocation when the
/// answer is in memory.
///
/// ```
/// use auth_core::AuthFuture;
///
/// let at_once: AuthFuture<u8> = 1.into();
/// let later = AuthFuture::boxed(async { 2 });
/// assert!(at_once.now().is_ok() && later.now().is_err());
/// ```
pub struct AuthFuture<T>(State<T>);

enum State<T> {
    Ready(Option<T>),
    Boxed(BoxFuture<T>),
}

impl<T> AuthFuture<T> {
    /// An answer that is there.
    pub fn ready(answer: T) -> Self {
        Self(State::Ready(Some(answer)))
    }

    /// An answer that is still to be found.
    pub fn boxed(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(State::Boxed(Box::pin(future)))
    }

    /// The answer if it is there, otherwise what to await.
    ///
    /// # Errors
    /// The boxed future of an answer that is not there yet.
    ///
    /// # Panics
    /// If the answer was taken by polling before.
    pub fn into_ready(self) -> Result<T, BoxFuture<T>> {
        match self.0 {
            State::Ready(answer) => Ok(answer.expect("an answer is taken once")),
            State::Boxed(future) => Err(future),
        }
    }
}

impl<T> From<T> for AuthFuture<T> {
    fn from(answer: T) -> Self {
        Self::ready(answer)
    }
}

/// The answer is never pinned: it only waits to be taken.
impl<T> Unpin for AuthFuture<T> {}

impl<T> Future for AuthFuture<T> {
    type Output = T;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            State::Ready(answer) => Poll::Ready(answer.take().expect("polled after completion")),
            State::Boxed(future) => future.as_mut().poll(cx),
        }
    }
}

impl<T> fmt::Debug for AuthFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Ready(_) => "AuthFuture(ready)",
            State::Boxed(_) => "AuthFuture(pending)",
        })
    }
}
