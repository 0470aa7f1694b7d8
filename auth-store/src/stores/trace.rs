//! Spans and logs for the operations of stores that can fail.
//!
//! Each operation has a span with its name and an event with its outcome and duration. The number of
//! warnings is limited.

use std::error::Error;
use std::fmt;

use auth_core::Clock;
use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span, warn};

use crate::error::{StoreError, StoreErrorKind};
use crate::store::Store;
use crate::warnings::SUPPRESSED;

/// Gives the stores the method by which [`forward_store!`](crate::forward_store) traces their calls.
pub(super) trait Traced {
    fn traced<T: Send>(
        &self,
        op: &'static str,
        step: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        traced(op, step)
    }
}

impl<S: Store> Traced for S {}

/// Runs a step in its own span. Logs its outcome and duration, and warns if the store is
/// unavailable.
pub(super) async fn traced<T>(
    op: &'static str,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let span = debug_span!("store", op);
    let warned = async {
        let (result, micros) = timed(step).await;
        if let Err(error) = &result
            && error.kind() == StoreErrorKind::Unavailable
            && SUPPRESSED.try_with(|()| ()).is_err()
            && let Some(suppressed) = Clock::system().admit_event(op)
        {
            warn!(op, micros, suppressed, error = %Chain(error), "store unavailable");
        }
        result
    };
    warned.instrument(span).await
}

/// Runs a step in its own span, without the warning. The caller retries it and warns once.
#[cfg(all(feature = "near-cache", any(feature = "postgres", feature = "redis")))]
pub(super) async fn traced_without_warning<T>(
    op: &'static str,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timed(step).instrument(debug_span!("store", op)).await.0
}

async fn timed<T>(
    step: impl Future<Output = Result<T, StoreError>>,
) -> (Result<T, StoreError>, u64) {
    let start = Instant::now();
    let result = step.await;
    let micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
    match &result {
        Ok(_) => debug!(outcome = "ok", micros),
        Err(error) => debug!(outcome = ?error.kind(), micros, error = %Chain(error)),
    }
    (result, micros)
}

/// Displays an error with its sources, which contain at most the server's message.
struct Chain<'a>(&'a StoreError);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
