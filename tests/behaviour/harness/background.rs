//! What a store does while no response waits for it.

use tokio::sync::watch;

/// Counts what is under way. The next look waits for it, so that a test sees what the request before
/// has left behind, however long the store took.
#[derive(Debug, Default)]
pub(super) struct Background(watch::Sender<usize>);

pub(super) struct UnderWay<'a>(&'a Background);

impl Background {
    /// Something begins, and goes on until this is dropped.
    pub(super) fn enter(&self) -> UnderWay<'_> {
        self.0.send_modify(|count| *count += 1);
        UnderWay(self)
    }

    /// Waits until nothing is under way.
    pub(super) async fn settled(&self) {
        let mut counts = self.0.subscribe();
        counts.wait_for(|count| *count == 0).await.expect("it is counted here");
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
