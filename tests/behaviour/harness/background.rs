//! Store operations that run in the background, after the response.

use tokio::sync::watch;

/// Counts the operations in progress. The next read waits for them, so that a test sees the effects of
/// the previous request, however slow the store is.
#[derive(Debug, Default)]
pub(super) struct Background(watch::Sender<usize>);

pub(super) struct InProgress<'a>(&'a Background);

impl Background {
    /// Counts an operation until the returned value is dropped.
    pub(super) fn enter(&self) -> InProgress<'_> {
        self.0.send_modify(|count| *count += 1);
        InProgress(self)
    }

    /// Waits until no operation is in progress.
    pub(super) async fn settled(&self) {
        let mut counts = self.0.subscribe();
        counts.wait_for(|count| *count == 0).await.expect("the sender is in `self`");
    }
}

impl Drop for InProgress<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}
