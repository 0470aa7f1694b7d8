//! A connection that comes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;
use super::followed::Followed;
use super::place::Place;
use super::settings::ConnectionConfig;
use super::wire::Connection;

/// The first pause after a connection that failed; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The connection that all share. While the server is away, one of them tries to reach it now and
/// then, and the others are told at once.
pub(super) struct Link {
    current: Mutex<Option<Connection>>,
    /// Counts the connections that there were: each may go to another server.
    epoch: AtomicU64,
    trying: tokio::sync::Mutex<Option<Refusal>>,
    pub(super) followed: Followed,
}

/// Why the last try failed, and when the next is due.
struct Refusal {
    failure: Failure,
    pause: Duration,
    next: Instant,
}

impl Link {
    pub(super) fn new() -> Self {
        let trying = tokio::sync::Mutex::default();
        let followed = Followed::new();
        Self { current: Mutex::default(), epoch: AtomicU64::new(0), trying, followed }
    }

    /// Which connection it is, counted from the first.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub(super) async fn connection(
        &self,
        place: &Place,
        settings: &Arc<ConnectionConfig>,
        by: Instant,
    ) -> Result<Connection, Failure> {
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let mut refusal = timeout_at(by, self.trying.lock()).await.map_err(|_| unreachable())?;
        if let Some(connection) = self.current() {
            return Ok(connection);
        }
        let pause = match &*refusal {
            Some(refusal) if Instant::now() < refusal.next => return Err(refusal.failure.clone()),
            Some(refusal) => (refusal.pause * 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        };
        let opened = timeout_at(by, place.open_vetted(settings, &self.followed)).await;
        match opened.unwrap_or_else(|_| Err(unreachable())) {
            Ok(connection) => {
                *refusal = None;
                self.epoch.fetch_add(1, Ordering::Release);
                *self.current.lock() = Some(connection.clone());
                Ok(connection)
            }
            Err(failure) => {
                let next = Instant::now() + pause;
                *refusal = Some(Refusal { failure: failure.clone(), pause, next });
                Err(failure)
            }
        }
    }

    /// Drops this connection, unless another has taken its place.
    pub(super) fn discard(&self, connection: &Connection) {
        let mut current = self.current.lock();
        if current.as_ref().is_some_and(|current| current.is(connection)) {
            *current = None;
        }
    }

    /// Drops whatever connection there is.
    pub(super) fn clear(&self) {
        *self.current.lock() = None;
    }

    fn current(&self) -> Option<Connection> {
        self.current.lock().as_ref().filter(|connection| connection.is_open()).cloned()
    }
}

fn unreachable() -> Failure {
    Failure::Unreachable(super::failure::timed_out("no connection in time"))
}
