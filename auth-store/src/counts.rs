//! Counts sign-ins and their ends, for the feature `metrics`. Without it, nothing is counted.

use crate::secret::SecretKind;

/// Counts a sign-in that has started.
#[cfg(feature = "metrics")]
pub(crate) fn started(kind: SecretKind) {
    metrics::counter!(crate::metrics::STARTED, "kind" => kind.scheme()).increment(1);
}

/// Counts sign-ins that have ended for this reason.
#[cfg(feature = "metrics")]
pub(crate) fn ended(reason: &'static str, count: usize) {
    if count > 0 {
        let ended = metrics::counter!(crate::metrics::ENDED, "reason" => reason);
        ended.increment(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

#[cfg(not(feature = "metrics"))]
pub(crate) fn started(_: SecretKind) {}

#[cfg(not(feature = "metrics"))]
pub(crate) fn ended(_: &'static str, _: usize) {}
