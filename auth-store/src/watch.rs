//! Waiting for changes of a sign-in.

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

/// Watches are kept in so many parts, so that changes of different sign-ins do not wait for each
/// other.
const STRIPES: usize = 64;

/// Who waits for changes of which sign-in. Changes cost one look at a counter while nobody does.
#[derive(Clone)]
pub(crate) struct Watchers(Arc<Kept>);

struct Kept {
    watching: AtomicUsize,
    stripes: Box<[Mutex<HashMap<SignInId, Waiters>>]>,
}

/// What is rung for everybody who waits for one sign-in.
#[derive(Default)]
struct Waiters {
    rung: Arc<Notify>,
    watching: usize,
}

impl Default for Watchers {
    fn default() -> Self {
        let stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        Self(Arc::new(Kept { watching: AtomicUsize::new(0), stripes }))
    }
}

impl Watchers {
    /// Hears of every [`wake`](Self::wake) for this sign-in that follows.
    ///
    /// Who changes a sign-in does so before it looks at the counter; who watches is counted before it
    /// looks at the sign-in. So one of the two sees the other.
    pub(crate) fn watch(&self, sid: &SignInId) -> Watch {
        self.0.watching.fetch_add(1, Ordering::SeqCst);
        let rung = {
            let mut bells = self.0.stripe(sid).lock();
            let bell = bells.entry(*sid).or_default();
            bell.watching += 1;
            Arc::clone(&bell.rung).notified_owned() // hears from here on, polled or not
        };
        let place = Place { kept: Arc::clone(&self.0), sid: *sid };
        Watch::new(async move {
            let _place = place;
            rung.await;
        })
    }

    /// This sign-in has changed.
    pub(crate) fn wake(&self, sid: &SignInId) {
        if self.0.watching.load(Ordering::SeqCst) > 0
            && let Some(bell) = self.0.stripe(sid).lock().get(sid)
        {
            bell.rung.notify_waiters();
        }
    }

    /// Any sign-in may have changed.
    #[cfg(feature = "near-cache")]
    pub(crate) fn wake_all(&self) {
        if self.0.watching.load(Ordering::SeqCst) > 0 {
            for stripe in &self.0.stripes {
                stripe.lock().values().for_each(|bell| bell.rung.notify_waiters());
            }
        }
    }
}

impl Kept {
    fn stripe(&self, sid: &SignInId) -> &Mutex<HashMap<SignInId, Waiters>> {
        let [.., last] = *sid.as_bytes();
        &self.stripes[usize::from(last) % STRIPES]
    }
}

/// The place of one who waits; it goes with the watch.
struct Place {
    kept: Arc<Kept>,
    sid: SignInId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut bells = self.kept.stripe(&self.sid).lock();
        if let Some(bell) = bells.get_mut(&self.sid) {
            bell.watching -= 1;
            if bell.watching == 0 {
                bells.remove(&self.sid);
            }
        }
        self.kept.watching.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    fn is_over(watch: &mut Watch) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        std::pin::Pin::new(watch).poll(&mut cx).is_ready()
    }

    #[test]
    fn all_who_wait_for_a_sign_in_hear_and_nobody_else() {
        let watchers = Watchers::default();
        let (sid, other) = (SignInId::from_bytes([1; 16]), SignInId::from_bytes([2; 16]));
        let (mut polled, mut unpolled) = (watchers.watch(&sid), watchers.watch(&sid));
        let mut others = watchers.watch(&other);
        assert!(!is_over(&mut polled));
        watchers.wake(&sid);
        assert!(is_over(&mut polled) && is_over(&mut unpolled));
        assert!(!is_over(&mut others));
        let mut later = watchers.watch(&sid);
        assert!(!is_over(&mut later), "what was before counts no more");
    }

    #[test]
    fn who_went_away_leaves_nothing() {
        let watchers = Watchers::default();
        let sid = SignInId::from_bytes([1; 16]);
        let (gone, mut stays) = (watchers.watch(&sid), watchers.watch(&sid));
        drop(gone);
        watchers.wake(&sid);
        assert!(is_over(&mut stays));
        drop(stays);
        assert_eq!(watchers.0.watching.load(Ordering::SeqCst), 0);
        assert!(watchers.0.stripe(&sid).lock().is_empty());
    }
}
