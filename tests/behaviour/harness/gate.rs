//! A point in a handler where a test can hold requests.

use tokio::sync::Semaphore;

/// Requests that reach the gate wait. Each `open` lets one of them continue.
#[derive(Debug)]
pub(crate) struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { reached: Semaphore::new(0), open: Semaphore::new(0) }
    }

    /// For handlers: waits until the test opens the gate.
    pub(crate) async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    /// For tests: waits until a request is at the gate.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// For tests: lets one request continue.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}
