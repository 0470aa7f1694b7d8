//! Captures the events and spans of the test's thread as text.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static LINES: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// Captures the events of this thread while it lives: one line for each event,
/// `LEVEL message field=value`. For behaviours that run `on one_thread`.
pub(crate) struct EventCapture(());

impl EventCapture {
    pub(crate) fn start() -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| tracing::subscriber::set_global_default(Listener).unwrap());
        LINES.set(Some(Vec::new()));
        Self(())
    }

    /// Returns the lines since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        LINES.replace(Some(Vec::new())).unwrap_or_default()
    }
}

impl Drop for EventCapture {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

struct Listener;

fn note(metadata: &Metadata<'_>, record: impl FnOnce(&mut Line)) {
    LINES.with_borrow_mut(|lines| {
        if let Some(lines) = lines {
            let mut line = Line(metadata.level().to_string());
            record(&mut line);
            lines.push(line.0);
        }
    });
}

impl Subscriber for Listener {
    /// The answer depends on the thread, so it must not be cached.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LINES.with_borrow(Option::is_some)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        note(span.metadata(), |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        LINES.with_borrow_mut(|lines| {
            if let Some(lines) = lines {
                let mut line = Line("SPAN".to_owned());
                values.record(&mut line);
                lines.push(line.0);
            }
        });
    }

    fn event(&self, event: &Event<'_>) {
        note(event.metadata(), |line| event.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let written = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        written.unwrap();
    }

    /// Includes the sources of an error, as formatters do.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut source = Some(value);
        while let Some(error) = source {
            write!(self.0, " {field}={error} ({error:?})").unwrap();
            source = error.source();
        }
    }
}
