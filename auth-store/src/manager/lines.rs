//! Writers of one sign-in, in line.

use auth_core::SignInId;
use tokio::sync::{Mutex, MutexGuard};

/// A fixed set of locks. The writers of one sign-in on this node wait for each other instead of
/// failing each other's compare-and-swap.
#[derive(Debug)]
pub(crate) struct Lines(Box<[Mutex<()>]>);

impl Default for Lines {
    fn default() -> Self {
        Self((0..256).map(|_| Mutex::default()).collect())
    }
}

impl Lines {
    pub(crate) async fn wait(&self, sid: &SignInId) -> MutexGuard<'_, ()> {
        let [.., last] = *sid.as_bytes();
        self.0[usize::from(last) % self.0.len()].lock().await
    }
}
