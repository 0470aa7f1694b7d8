//! What is said on the test's thread.

use std::io::{self, Write};
use std::sync::Arc;

use parking_lot::Mutex;
use tracing::Level;
use tracing::subscriber::DefaultGuard;

/// The events of the test's thread, from now on. For tests whose tasks run on it.
pub(crate) struct Captured {
    said: Said,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub(crate) fn start() -> Self {
        let said = Said::default();
        let writer = said.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(Level::DEBUG)
            .with_writer(move || writer.clone())
            .finish();
        Self { said, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// How often something of this level was said.
    pub(crate) fn count(&self, level: Level) -> usize {
        let said = String::from_utf8(self.said.0.lock().clone()).expect("it is text");
        said.lines().filter(|line| line.split_whitespace().nth(1) == Some(level.as_str())).count()
    }
}

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
