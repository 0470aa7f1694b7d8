//! A recorder whose metrics tests can read.

use metrics_util::MetricKind;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// A recorder for the current thread.
pub(crate) struct Recorded {
    recorder: &'static DebuggingRecorder,
}

impl Recorded {
    pub(crate) fn new() -> Self {
        Self { recorder: Box::leak(Box::default()) }
    }

    /// Records the metrics of this thread until the guard is dropped.
    pub(crate) fn listen(&self) -> metrics::LocalRecorderGuard<'static> {
        metrics::set_default_local_recorder(self.recorder)
    }

    /// Returns all metrics as `name{label=value,..}` and value.
    pub(crate) fn take(&self) -> Vec<(String, String)> {
        let snapshotter: Snapshotter = self.recorder.snapshotter();
        let all = snapshotter.snapshot().into_vec();
        let mut all: Vec<_> = all
            .into_iter()
            .map(|(key, _, _, value)| {
                let (kind, key) = key.into_parts();
                let labels = key.labels().map(|label| format!("{}={}", label.key(), label.value()));
                let labels = labels.collect::<Vec<_>>().join(",");
                let name = format!("{}{{{labels}}}", key.name());
                let value = match (kind, value) {
                    (MetricKind::Counter, DebugValue::Counter(count)) => count.to_string(),
                    (MetricKind::Gauge, DebugValue::Gauge(value)) => value.to_string(),
                    (MetricKind::Histogram, DebugValue::Histogram(values)) => format!("{values:?}"),
                    other => panic!("{other:?}"),
                };
                (name, value)
            })
            .collect();
        all.sort();
        all
    }
}
