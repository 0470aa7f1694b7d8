//! Hearing of changes of a sign-in.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use auth_core::BoxFuture;

/// Is ready once something may have changed: what [`Store::watch`](crate::Store::watch) gives out. It
/// can be dropped at any time.
#[must_use = "a watch tells whoever awaits it"]
pub struct Watch(BoxFuture<()>);

impl Watch {
    /// A watch that is over when this future is. It has to hear of what happens from now on, whether
    /// it was polled or not.
    pub fn new(changed: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Box::pin(changed))
    }
}

impl Future for Watch {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}
