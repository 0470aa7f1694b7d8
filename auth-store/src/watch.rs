//! Waiting for changes of a sign-in.
//!
//! A store returns a [`Watch`]. A store or cache completes watches with [`Watchers`], which holds the waiting
//! tasks of each sign-in.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use auth_core::{BoxFuture, SignInId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::striped::Striped;

/// A future that completes once a sign-in may have changed; see [`Store::watch`](crate::Store::watch).
/// It may be dropped at any time.
#[must_use = "a watch does nothing unless it is awaited"]
pub struct Watch(BoxFuture<()>);

impl Watch {
    /// Creates a watch that completes when `changed` does.
    ///
    /// `changed` must cover what happens from now on, whether it is polled or not. An `async fn` that
    /// subscribes when it is first polled does not.
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

/// The number of locks over which the sign-ins are spread, so that changes of different sign-ins do
/// not wait for each other.
const STRIPES: usize = 64;

/// The watches of a store, by sign-in: for stores that implement [`Store::watch`](crate::Store::watch).
///
/// Clones share the watches. While there are none, a change costs one atomic load.
///
/// ```
/// use auth_core::SignInId;
/// use auth_store::{Watch, Watchers};
///
/// #[derive(Default)]
/// struct Sessions {
///     watchers: Watchers,
/// }
///
/// impl Sessions {
///     /// The watch of a `Store`.
///     fn watch(&self, id: &SignInId) -> Option<Watch> {
///         Some(self.watchers.watch(id))
///     }
///
///     fn end(&self, id: &SignInId) {
///         // Commit first. Wake also if the commit fails, because it may have happened.
///         self.watchers.wake(id);
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Watchers(Arc<Inner>);

struct Inner {
    /// The number of watches of all sign-ins.
    count: AtomicUsize,
    stripes: Striped<Mutex<HashMap<SignInId, Waiters>>>,
}

/// The watches of one sign-in.
#[derive(Default)]
struct Waiters {
    changed: Arc<Notify>,
    count: usize,
}

impl Default for Watchers {
    fn default() -> Self {
        Self(Arc::new(Inner { count: AtomicUsize::new(0), stripes: Striped::new(STRIPES) }))
    }
}

impl Watchers {
    /// Creates an empty set of watches.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a watch that completes at the next [`wake`](Self::wake) for this sign-in.
    ///
    /// No change is missed: a writer changes the sign-in and then reads the counter, and a watcher
    /// increments the counter and then reads the sign-in. In any order, one of them sees the other.
    pub fn watch(&self, id: &SignInId) -> Watch {
        self.0.count.fetch_add(1, Ordering::SeqCst);
        let changed = {
            let mut stripe = self.0.stripes.of(id).lock();
            let waiters = stripe.entry(*id).or_default();
            waiters.count += 1;
            Arc::clone(&waiters.changed).notified_owned() // registered from here on, polled or not
        };
        let registration = Registration { watchers: Arc::clone(&self.0), id: *id };
        Watch::new(async move {
            let _registration = registration;
            changed.await;
        })
    }

    /// Completes the watches of this sign-in. Call it after the change has been made, or may have been.
    pub fn wake(&self, id: &SignInId) {
        if self.0.count.load(Ordering::SeqCst) > 0
            && let Some(waiters) = self.0.stripes.of(id).lock().get(id)
        {
            waiters.changed.notify_waiters();
        }
    }

    /// Completes all watches. Call it if any sign-in may have changed, for example because the store has lost
    /// the connection by which it learns of changes.
    pub fn wake_all(&self) {
        if self.0.count.load(Ordering::SeqCst) > 0 {
            for stripe in self.0.stripes.all() {
                stripe.lock().values().for_each(|waiters| waiters.changed.notify_waiters());
            }
        }
    }
}

impl fmt::Debug for Watchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watches = self.0.count.load(Ordering::Relaxed);
        f.debug_struct("Watchers").field("watches", &watches).finish_non_exhaustive()
    }
}

/// A watch's entry among the waiters, which is removed when the watch is dropped.
struct Registration {
    watchers: Arc<Inner>,
    id: SignInId,
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut stripe = self.watchers.stripes.of(&self.id).lock();
        if let Some(waiters) = stripe.get_mut(&self.id) {
            waiters.count -= 1;
            if waiters.count == 0 {
                stripe.remove(&self.id);
            }
        }
        self.watchers.count.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn is_ready(watch: &mut Watch) -> bool {
        Pin::new(watch).poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn wake_completes_the_watches_of_one_sign_in() {
        let watchers = Watchers::default();
        let (id, other) = (SignInId::from_bytes([1; 16]), SignInId::from_bytes([2; 16]));
        let (mut polled, mut unpolled) = (watchers.watch(&id), watchers.watch(&id));
        let mut of_other = watchers.watch(&other);
        assert!(!is_ready(&mut polled));
        watchers.wake(&id);
        assert!(is_ready(&mut polled) && is_ready(&mut unpolled));
        assert!(!is_ready(&mut of_other));
        let mut later = watchers.watch(&id);
        assert!(!is_ready(&mut later), "an earlier change does not complete it");
    }

    #[test]
    fn dropped_watches_leave_no_entry() {
        let watchers = Watchers::default();
        let id = SignInId::from_bytes([1; 16]);
        let (dropped, mut kept) = (watchers.watch(&id), watchers.watch(&id));
        drop(dropped);
        watchers.wake(&id);
        assert!(is_ready(&mut kept));
        drop(kept);
        assert_eq!(watchers.0.count.load(Ordering::SeqCst), 0);
        assert!(watchers.0.stripes.of(&id).lock().is_empty());
    }
}
