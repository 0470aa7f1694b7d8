//! A place in a handler where a test can hold a request.

use tokio::sync::Semaphore;

/// Requests that reach the gate wait until the test opens it, once for each.
#[derive(Debug)]
pub(crate) struct Gate {
    reached: Semaphore,
    open: Semaphore,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { reached: Semaphore::new(0), open: Semaphore::new(0) }
    }

    /// For handlers: waits until the test lets the request go on.
    pub(crate) async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }

    /// For tests: waits until a request is at the gate.
    pub(crate) async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    /// For tests: lets one request go on.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}
