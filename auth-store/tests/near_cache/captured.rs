//! The events that are logged on the test's thread.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// Collects the events of the test's thread, for tests whose tasks all run on it.
pub(crate) struct Captured {
    log: Log,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Captured {
    /// Starts to collect.
    pub(crate) fn start() -> Self {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        Self { log, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// Returns how many events of this level there are.
    pub(crate) fn count(&self, level: Level) -> usize {
        let log = String::from_utf8(self.log.0.lock().clone()).expect("it is text");
        log.lines().filter(|line| line.split_whitespace().nth(1) == Some(level.as_str())).count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
