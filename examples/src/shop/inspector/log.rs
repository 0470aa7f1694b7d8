//! Records what the library logs about a request.

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::recorder::{LogEvent, record};

/// The limits of what a report contains, so that it fits into a header.
const MAX_EVENTS: usize = 6;
const MAX_TEXT: usize = 240;

/// Returns the layer that hands the events of the library to the inspector, for the subscriber of the
/// process. Events outside of an inspected request are dropped.
#[must_use]
pub fn event_layer<S: Subscriber + for<'a> LookupSpan<'a>>() -> impl Layer<S> {
    let library = Targets::new()
        .with_target("auth_core", LevelFilter::DEBUG)
        .with_target("auth_jwt", LevelFilter::DEBUG)
        .with_target("auth_session", LevelFilter::DEBUG)
        .with_target("auth_store", LevelFilter::INFO);
    EventLayer.with_filter(library)
}

struct EventLayer;

impl<S: Subscriber> Layer<S> for EventLayer {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        record(|records| {
            let mut fields = Fields::default();
            event.record(&mut fields);
            let Fields { mut message, others, reason } = fields;
            message.push_str(&others);
            if let Some((end, _)) = message.char_indices().nth(MAX_TEXT) {
                message.truncate(end);
            }
            if records.events.len() < MAX_EVENTS {
                let level = event.metadata().level().as_str();
                records.events.push(LogEvent { level, text: message });
            }
            if reason.is_some() {
                records.reason = reason;
            }
        });
    }
}

/// The fields of an event, as text.
#[derive(Default)]
struct Fields {
    message: String,
    others: String,
    reason: Option<String>,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a `String` does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.others, " {name}={value:?}"),
        };
        if field.name() == "reason" {
            self.reason = Some(format!("{value:?}"));
        }
    }
}
