//! Suppressing warnings about steps that are retried.
//!
//! A store warns about a step that fails. A caller that repeats the step until it succeeds would
//! repeat the warning; it logs one of its own instead.

use tokio::task_local;

task_local! {
    /// Set while the warnings about the current step are suppressed.
    pub(crate) static SUPPRESSED: ();
}

/// Runs steps without warnings from the store.
pub(crate) async fn suppress_warnings<F: Future>(steps: F) -> F::Output {
    SUPPRESSED.scope((), steps).await
}
