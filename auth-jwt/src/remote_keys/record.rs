//! The events and the metrics of remote keys.
//!
//! The metrics need the feature `metrics`. Without it, only events are recorded.

use super::error::FetchError;
use crate::key::{Shown, SkippedKey};

/// How events and metrics name an issuer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<'a> {
    pub(super) issuer: &'a str,
    /// Whether the name may be a label of metrics, of which each value takes memory. If a rule has admitted the
    /// issuer, anyone can have made up the name, until its keys verify a token.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code))]
    pub(super) is_label: bool,
}

/// The result of a fetch that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Changed,
    Unchanged,
}

/// Records a fetch that returned keys.
pub(super) fn fetched(named: Named<'_>, change: Change, keys: usize, skipped: &[SkippedKey]) {
    let issuer = named.issuer;
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
    metrics::fetched(named, change, keys);
}

/// Records a fetch that failed.
pub(super) fn failed(named: Named<'_>, error: &FetchError, failures: u32) {
    let (issuer, kind) = (named.issuer, error.kind().as_str());
    tracing::warn!(issuer, kind, failures, %error, "key set fetch failed");
    #[cfg(feature = "metrics")]
    metrics::fetches(named, kind);
}

/// Records that the issuer no longer publishes a key.
pub(super) fn withdrawn(issuer: &str, kid: Option<&str>) {
    let kid = kid.map(|kid| tracing::field::display(Shown(kid)));
    tracing::info!(issuer, kid, "key withdrawn by its issuer");
}

/// Records a token whose key is not in the set.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables))]
pub(super) fn unknown_key(named: Named<'_>) {
    #[cfg(feature = "metrics")]
    metrics::unknown_key(named);
}

/// Records the keys of an issuer that has just been verified.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables))]
pub(super) fn verified(issuer: &str, keys: usize) {
    #[cfg(feature = "metrics")]
    metrics::keys(Named { issuer, is_label: true }, keys);
}

/// Records how long the set has been trusted without being fetched again, in seconds.
#[cfg_attr(not(feature = "metrics"), expect(unused_variables))]
pub(super) fn age(named: Named<'_>, age: std::time::Duration) {
    #[cfg(feature = "metrics")]
    metrics::age(named, age);
}

#[cfg(feature = "metrics")]
mod metrics {
    use std::time::Duration;

    use ::metrics::{counter, gauge};

    use super::{Change, Named};

    pub(super) fn fetched(named: Named<'_>, change: Change, count: usize) {
        let result = match change {
            Change::Changed => "changed",
            Change::Unchanged => "unchanged",
        };
        fetches(named, result);
        keys(named, count);
    }

    pub(super) fn fetches(named: Named<'_>, result: &'static str) {
        let issuer = label(named);
        counter!("auth_jwt_key_fetches_total", "issuer" => issuer, "result" => result).increment(1);
    }

    pub(super) fn unknown_key(named: Named<'_>) {
        counter!("auth_jwt_unknown_keys_total", "issuer" => label(named)).increment(1);
    }

    pub(super) fn keys(named: Named<'_>, count: usize) {
        if named.is_label {
            let count = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
            gauge!("auth_jwt_keys", "issuer" => label(named)).set(count);
        }
        age(named, Duration::ZERO);
    }

    pub(super) fn age(named: Named<'_>, age: Duration) {
        if named.is_label {
            gauge!("auth_jwt_key_set_age_seconds", "issuer" => label(named)).set(age.as_secs_f64());
        }
    }

    fn label(named: Named<'_>) -> String {
        if named.is_label { named.issuer.to_owned() } else { String::new() }
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
            let idp = Named { issuer: "https://idp.example", is_label: true };
            fetched(idp, Change::Changed, 2, &[]);
            fetched(idp, Change::Unchanged, 2, &[]);
            failed(idp, &error, 1);
            failed(idp, &error, 2);
            age(idp, Duration::from_secs(90));
            unknown_key(Named { issuer: "https://other.example", ..idp });
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
