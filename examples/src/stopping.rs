//! Telling long answers that the server stops.

use std::future::pending;

use tokio::sync::watch;

/// Tells that the server stops. Handlers whose answers would go on for ever find it as an
/// `Extension`, and end them: otherwise the server would wait for them.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// What tells it, and what hears it.
    #[must_use]
    pub fn channel() -> (watch::Sender<bool>, Self) {
        let (tell, told) = watch::channel(false);
        (tell, Self(told))
    }

    /// Waits until the server stops; for ever if it ended by itself.
    pub async fn told(mut self) {
        if self.0.wait_for(|stops| *stops).await.is_err() {
            pending::<()>().await;
        }
    }
}
