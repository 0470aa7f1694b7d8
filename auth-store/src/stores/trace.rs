//! What is told about a step.

use std::error::Error;
use std::fmt;

use tokio::time::Instant;
use tracing::{Instrument, debug, debug_span, warn};

use crate::error::{StoreError, StoreErrorKind};
use crate::warnings::are_suppressed;

/// Takes a step in a span of its own, and tells how it went and how long it took.
pub(super) async fn traced<T>(
    op: &'static str,
    step: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let span = debug_span!("store", op);
    let warned = async {
        let (result, micros) = timed(step).await;
        if let Err(error) = &result
            && error.kind() == StoreErrorKind::Unavailable
            && !are_suppressed()
        {
            warn!(op, micros, error = %Chain(error), "the store of sign-ins is unavailable");
        }
        result
    };
    warned.instrument(span).await
}

/// Takes a step that is tried again and again: whoever does so warns once.
#[cfg(all(feature = "near-cache", any(feature = "postgres", feature = "redis")))]
pub(super) async fn noted<T>(
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

/// An error and what caused it. No cause holds more than a server's complaint.
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
