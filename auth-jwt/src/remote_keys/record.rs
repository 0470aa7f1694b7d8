//! The events and the metrics of remote keys.
//!
//! The metrics need the feature `metrics`. Without it, only events are recorded.

use super::error::FetchError;
use crate::key::{Shown, SkippedKey};

/// The result of a fetch that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Changed,
    Unchanged,
}

/// Records a fetch that returned keys.
pub(super) fn fetched(issuer: &str, change: Change, keys: usize, skipped: &[SkippedKey]) {
    match change {
        Change::Unchanged => tracing::debug!(issuer, keys, "key set unchanged"),
        Change::Changed => {
            tracing::info!(issuer, keys, skipped = skipped.len(), "key set changed");
            for key in skipped {
                let kid = key.kid.as_deref().map(|kid| tracing::field::display(Shown(kid)));
                tracing::warn!(issuer, kid, reason = %key.error, "key skipped");
            }
        }
    }
    #[cfg(feature = "metrics")]
    metrics::fetched(issuer, change, keys);
}

/// Records a fetch that failed.
pub(super) fn failed(issuer: &str, error: &FetchError, failures: u32) {
    let kind = error.kind().as_str();
    tracing::warn!(issuer, kind, failures, %error, "key set fetch failed");
    #[cfg(feature = "metrics")]
    metrics::failed(issuer, kind);
}

/// Records that the issuer no longer publishes a key.
pub(super) fn withdrawn(issuer: &str, kid: Option<&str>) {
    let kid = kid.map(|kid| tracing::field::display(Shown(kid)));
    tracing::info!(issuer, kid, "key withdrawn by its issuer");
}

/// Records a token whose key is not in the set.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables))]
pub(super) fn unknown_key(issuer: &str) {
    #[cfg(feature = "metrics")]
    metrics::unknown_key(issuer);
}

/// Records how long the set has been trusted without being fetched again, in seconds.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables))]
pub(super) fn age(issuer: &str, age: std::time::Duration) {
    #[cfg(feature = "metrics")]
    metrics::age(issuer, age);
}

#[cfg(feature = "metrics")]
mod metrics {
    use std::time::Duration;

    use ::metrics::{counter, gauge};

    use super::Change;

    pub(super) fn fetched(issuer: &str, change: Change, keys: usize) {
        let result = match change {
            Change::Changed => "changed",
            Change::Unchanged => "unchanged",
        };
        fetches(issuer, result);
        let keys = u32::try_from(keys).unwrap_or(u32::MAX);
        gauge!("auth_jwt_keys", "issuer" => issuer.to_owned()).set(f64::from(keys));
        age(issuer, Duration::ZERO);
    }

    pub(super) fn failed(issuer: &str, kind: &'static str) {
        fetches(issuer, kind);
    }

    fn fetches(issuer: &str, result: &'static str) {
        let issuer = issuer.to_owned();
        counter!("auth_jwt_key_fetches_total", "issuer" => issuer, "result" => result).increment(1);
    }

    pub(super) fn unknown_key(issuer: &str) {
        counter!("auth_jwt_unknown_keys_total", "issuer" => issuer.to_owned()).increment(1);
    }

    pub(super) fn age(issuer: &str, age: Duration) {
        gauge!("auth_jwt_key_set_age_seconds", "issuer" => issuer.to_owned())
            .set(age.as_secs_f64());
    }
}

#[cfg(all(test, feature = "metrics"))]
mod tests {
    use std::time::Duration;

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::super::error::FetchErrorKind;
    use super::*;

    #[test]
    fn r20_fetches_are_counted_by_result_and_issuer() {
        let recorder = DebuggingRecorder::new();
        let recorded = recorder.snapshotter();
        ::metrics::with_local_recorder(&recorder, || {
            let error = FetchError::new(FetchErrorKind::Timeout, "too slow");
            fetched("https://idp.example", Change::Changed, 2, &[]);
            fetched("https://idp.example", Change::Unchanged, 2, &[]);
            failed("https://idp.example", &error, 1);
            failed("https://idp.example", &error, 2);
            age("https://idp.example", Duration::from_secs(90));
            unknown_key("https://other.example");
        });
        let mut lines: Vec<_> = recorded
            .snapshot()
            .into_vec()
            .into_iter()
            .map(|(key, _, _, value)| {
                let labels: Vec<_> = key.key().labels().map(::metrics::Label::value).collect();
                let value = match value {
                    DebugValue::Counter(count) => count.to_string(),
                    DebugValue::Gauge(value) => value.to_string(),
                    DebugValue::Histogram(_) => panic!("no histograms"),
                };
                format!("{} {} {value}", key.key().name(), labels.join(" "))
            })
            .collect();
        lines.sort();
        assert_eq!(
            lines,
            [
                "auth_jwt_key_fetches_total https://idp.example changed 1",
                "auth_jwt_key_fetches_total https://idp.example timeout 2",
                "auth_jwt_key_fetches_total https://idp.example unchanged 1",
                "auth_jwt_key_set_age_seconds https://idp.example 90",
                "auth_jwt_keys https://idp.example 2",
                "auth_jwt_unknown_keys_total https://other.example 1",
            ]
        );
    }
}
