//! Writers of one sign-in, in line.

use auth_core::{AuthError, AuthErrorKind, SignInId};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::timeout;

use super::patience::PATIENCE;

/// A fixed set of locks. The writers of one sign-in on this node wait for each other instead of
/// failing each other's compare-and-swap.
#[derive(Debug)]
pub(crate) struct KeyedLocks(Box<[Mutex<()>]>);

impl Default for KeyedLocks {
    fn default() -> Self {
        Self((0..256).map(|_| Mutex::default()).collect())
    }
}

impl KeyedLocks {
    /// Waits in line.
    ///
    /// # Errors
    /// [`Unavailable`](AuthErrorKind::Unavailable) after three seconds.
    pub(crate) async fn wait(&self, sid: &SignInId) -> Result<MutexGuard<'_, ()>, AuthError> {
        let [.., last] = *sid.as_bytes();
        let line = &self.0[usize::from(last) % self.0.len()];
        if let Ok(first) = line.try_lock() {
            return Ok(first);
        }
        if Handle::try_current().is_err() {
            return Ok(line.lock().await); // nobody measures time there
        }
        let long = |_| AuthError::new(AuthErrorKind::Unavailable, "others took too long");
        timeout(PATIENCE, line.lock()).await.map_err(long)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_in_line_for_ever() {
        let (lines, sid) = (KeyedLocks::default(), SignInId::from_bytes([7; 16]));
        let first = lines.wait(&sid).await.expect("nobody is there");
        let error = lines.wait(&sid).await.expect_err("the first one stays");
        assert_eq!(error.kind(), AuthErrorKind::Unavailable);
        drop(first);
        assert!(lines.wait(&sid).await.is_ok());
    }
}
