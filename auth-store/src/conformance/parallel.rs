//! Tasks that start at the same moment, for the checks of races.
//!
//! Races happen by chance, so each is run several times, with the tasks in another order.

use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::yield_now;

use super::report::Violation;

/// How often a race of few tasks is run, so that each order is likely to occur.
pub(super) const ROUNDS: usize = 20;

/// Runs `tasks` tasks, which a barrier starts at the same moment, and returns what they return.
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

/// Yields `turns` times, which changes the order of a race from round to round.
pub(super) async fn after_turns(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}
