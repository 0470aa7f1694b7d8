//! [`AuthFuture`]: a future that is often ready when it is created.
//!
//! Most requests are authenticated from memory. A future with a ready variant needs no allocation for
//! them, and is still a nameable type that works in a dyn-compatible trait.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A boxed future that is `Send`.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Either a ready output or a boxed future of it. A ready output is not allocated.
///
/// ```
/// use auth_core::AuthFuture;
///
/// let ready: AuthFuture<u8> = 1.into();
/// let pending = AuthFuture::boxed(async { 2 });
/// assert!(ready.into_ready().is_ok() && pending.into_ready().is_err());
/// ```
pub struct AuthFuture<T>(State<T>);

enum State<T> {
    Ready(Option<T>),
    Boxed(BoxFuture<T>),
}

impl<T> AuthFuture<T> {
    /// Creates a future that is ready with `output`.
    pub fn ready(output: T) -> Self {
        Self(State::Ready(Some(output)))
    }

    /// Boxes a future.
    pub fn boxed(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(State::Boxed(Box::pin(future)))
    }

    /// Returns the output if it is ready.
    ///
    /// # Errors
    ///
    /// Returns the boxed future if the output is not ready.
    ///
    /// # Panics
    ///
    /// Panics if the output was already taken by polling.
    pub fn into_ready(self) -> Result<T, BoxFuture<T>> {
        match self.0 {
            State::Ready(output) => Ok(output.expect("polled after completion")),
            State::Boxed(future) => Err(future),
        }
    }
}

impl<T> From<T> for AuthFuture<T> {
    fn from(output: T) -> Self {
        Self::ready(output)
    }
}

/// The ready output is never pinned: it is only moved out.
impl<T> Unpin for AuthFuture<T> {}

impl<T> Future for AuthFuture<T> {
    type Output = T;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            State::Ready(output) => Poll::Ready(output.take().expect("polled after completion")),
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
