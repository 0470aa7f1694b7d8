//! A wrapper that knows which calls of a store have not returned, to report a store that hangs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::timeout;

use super::report::{Outcome, Violation};
use crate::error::StoreError;
use crate::forward_store;
use crate::manager::AskingAgain;
use crate::store::Store;

/// How long a check may take: longer than any store needs that answers.
const LIMIT: Duration = Duration::from_secs(120);

/// The calls that have not returned, by method.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<BTreeMap<&'static str, usize>>>);

/// A store that is asked again while it is contended, and whose calls are counted.
pub(super) struct Observed {
    store: AskingAgain,
    calls: Calls,
}

impl Observed {
    pub(super) fn new(store: Arc<dyn Store>, calls: &Calls) -> Self {
        Self { store: AskingAgain(store), calls: calls.clone() }
    }

    async fn observed<T>(
        &self,
        method: &'static str,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        *self.calls.0.lock().entry(method).or_default() += 1;
        let _returned = Returned(&self.calls, method);
        call.await
    }
}

/// Ends the count of a call, also if it is dropped.
struct Returned<'a>(&'a Calls, &'static str);

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        let mut calls = self.0.0.lock();
        if let Some(count) = calls.get_mut(self.1) {
            *count -= 1;
        }
    }
}

#[async_trait::async_trait]
impl Store for Observed {
    forward_store!(self => self.store, around: observed);
}

/// Runs a check in a task of its own, within the time limit.
pub(super) async fn within_limit(
    calls: &Calls,
    check: impl Future<Output = Outcome> + Send + 'static,
) -> Outcome {
    let mut task = tokio::spawn(check);
    match timeout(LIMIT, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Err(Violation::new(format!("the store panicked: {error}"))),
        Err(_) => {
            let open = calls.0.lock().clone();
            task.abort();
            let open: Vec<_> =
                open.iter().filter(|(_, count)| **count > 0).map(|(name, _)| *name).collect();
            let open = if open.is_empty() { "a watch".to_owned() } else { open.join(", ") };
            Err(Violation::new(format!(
                "the check is not over after {LIMIT:?}: it waits for {open}"
            )))
        }
    }
}
