//! Tasks that start at the same moment.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::yield_now;

use super::report::Violation;

/// How often a race of few tasks is run, to give each order a chance.
pub(super) const ROUNDS: usize = 20;

/// Starts so many tasks, lets none go before all are there, and waits for all.
pub(super) async fn together<T, F>(
    tasks: usize,
    task: impl Fn(usize) -> F,
) -> Result<Vec<T>, Violation>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let barrier = Arc::new(Barrier::new(tasks));
    let start = |task: F| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            task.await
        })
    };
    let running: Vec<_> = (0..tasks).map(|i| start(task(i))).collect();
    let mut results = Vec::with_capacity(tasks);
    for task in running {
        let result = task.await;
        results.push(result.map_err(|e| Violation::new(format!("the store panicked: {e}")))?);
    }
    Ok(results)
}

/// Lets the others go first for so many turns, which gives a race another order in each round.
pub(super) async fn after_turns(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}
