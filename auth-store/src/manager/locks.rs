//! [`KeyedLocks`], by which the writers of one sign-in take turns.
//!
//! The locks only cover this node. Between nodes, the compare-and-swap of the store decides.

use auth_core::{AuthError, AuthErrorKind, SignInId};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::backoff::TIMEOUT;
use crate::striped::Striped;

/// How many locks there are. A tokio mutex is small, and writers rarely wait.
const LOCKS: usize = 256;

/// A fixed set of locks by sign-in. Writers of one sign-in on this node wait for each other.
/// Without the locks, all but one of their compare-and-swaps would fail and be retried.
#[derive(Debug)]
pub(crate) struct KeyedLocks(Striped<Mutex<()>>);

impl Default for KeyedLocks {
    fn default() -> Self {
        Self(Striped::new(LOCKS))
    }
}

impl KeyedLocks {
    /// Waits for the lock of a sign-in.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) after three seconds.
    pub(crate) async fn lock(&self, id: &SignInId) -> Result<MutexGuard<'_, ()>, AuthError> {
        let lock = self.0.of(id);
        if let Ok(guard) = lock.try_lock() {
            return Ok(guard);
        }
        if Handle::try_current().is_err() {
            return Ok(lock.lock().await); // without a runtime there is no timer
        }
        let timed_out =
            |_| AuthError::new(AuthErrorKind::Unavailable, "timed out waiting for other writers");
        timeout(TIMEOUT, lock.lock()).await.map_err(timed_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_gives_up_after_the_timeout() {
        let (locks, id) = (KeyedLocks::default(), SignInId::from_bytes([7; 16]));
        let first = locks.lock(&id).await.expect("the lock is free");
        let error = locks.lock(&id).await.expect_err("the first guard is still held");
        assert_eq!(error.kind(), AuthErrorKind::Unavailable);
        drop(first);
        assert!(locks.lock(&id).await.is_ok());
    }
}
