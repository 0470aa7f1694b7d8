//! Steps of which nobody is warned.

use tokio::task_local;

task_local! {
    static QUIET: ();
}

/// Takes steps that are tried again and again: whoever does so warns once, and no store does.
pub(crate) async fn quietly<F: Future>(steps: F) -> F::Output {
    QUIET.scope((), steps).await
}

/// Whether this step is one of them.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "redis", feature = "sqlite"))]
pub(crate) fn is_quiet() -> bool {
    QUIET.try_with(|()| ()).is_ok()
}
