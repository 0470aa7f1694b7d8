//! The connection to a server that all steps share, and how it is reopened.
//!
//! While the server is down, one step at a time tries to reach it, and the others fail at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use redis::ErrorKind;
use tokio::time::{Instant, timeout_at};

use super::config::ConnectionConfig;
use super::failure::{Failure, timed_out};
use super::inspect::Replicated;
use super::target::Target;
use super::wire::Connection;

/// The pause after the first attempt that failed. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The connection that all steps share. While the server is down, one step at a time tries to reach it,
/// with pauses in between, and the others fail at once.
pub(super) struct SharedConnection {
    current: Mutex<Option<Connection>>,
    /// Counts the connections. Each may go to another server.
    epoch: AtomicU64,
    /// Held while a connection is being opened, so that there is one attempt at a time.
    last_failure: tokio::sync::Mutex<Option<FailedAttempt>>,
    pub(super) replicated: Replicated,
}

/// Why the last attempt failed, and when the next is due.
struct FailedAttempt {
    failure: Failure,
    pause: Duration,
    next: Instant,
}

impl SharedConnection {
    pub(super) fn new() -> Self {
        Self {
            current: Mutex::default(),
            epoch: AtomicU64::new(0),
            last_failure: tokio::sync::Mutex::default(),
            replicated: Replicated::new(),
        }
    }

    /// Returns the number of the current connection, counted from the first.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Returns the current connection, or opens a new one.
    pub(super) async fn get(
        &self,
        target: &Target,
        config: &Arc<ConnectionConfig>,
        deadline: Instant,
    ) -> Result<Connection, Failure> {
        if *config.closed.borrow() {
            return Err(closed());
        }
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let locked = timeout_at(deadline, self.last_failure.lock()).await;
        let mut last_failure = locked.map_err(|_| unreachable())?;
        // Another step may have opened one while this one waited for the lock.
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let pause = match &*last_failure {
            Some(last) if Instant::now() < last.next => return Err(last.failure.clone()),
            Some(last) => (last.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        let opened = timeout_at(deadline, target.open_inspected(config, &self.replicated)).await;
        match opened.unwrap_or_else(|_| Err(unreachable())) {
            Ok(connection) => {
                *last_failure = None;
                self.epoch.fetch_add(1, Ordering::Release);
                *self.current.lock() = Some(connection.clone());
                if *config.closed.borrow() {
                    self.clear(); // the store may have dropped its connections before this one was there
                    return Err(closed());
                }
                Ok(connection)
            }
            Err(failure) => {
                let next = Instant::now() + pause;
                *last_failure = Some(FailedAttempt { failure: failure.clone(), pause, next });
                Err(failure)
            }
        }
    }

    /// Drops this connection, unless another has replaced it.
    pub(super) fn discard(&self, connection: &Connection) {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|current| current.is(connection)) {
            *current = None;
        }
    }

    /// Drops the current connection, whichever it is.
    pub(super) fn clear(&self) {
        *self.current.lock() = None;
    }

    fn current(&self) -> Option<Connection> {
        self.current.lock().as_ref().filter(|connection| connection.is_open()).cloned()
    }
}

fn closed() -> Failure {
    Failure::Unreachable((ErrorKind::Client, "the store was closed").into())
}

fn unreachable() -> Failure {
    Failure::Unreachable(timed_out("no connection in time"))
}
