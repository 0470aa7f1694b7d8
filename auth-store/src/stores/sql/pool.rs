//! The connections.
//!
//! The pool that comes with sqlx asks the database for a sign of life after each use. This one asks
//! when a connection was unused for a while, or since something went wrong.

use std::time::Duration;

use parking_lot::Mutex;
use sqlx::Connection;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::dialect::Dialect;
use super::failure::Failure;

/// A connection that was unused for so long is asked for a sign of life.
const FRESH: Duration = Duration::from_secs(1);
/// No connection is used for longer: names may have come to mean other servers.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Connections to a database, at most so many.
pub(super) struct Pool<D: Dialect> {
    options: D::Options,
    timeout: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Idle<D>>>,
    /// When a connection last broke: others may be broken, too.
    trouble: Mutex<Option<Instant>>,
}

struct Idle<D: Dialect> {
    connection: D::Connection,
    opened: Instant,
    since: Instant,
}

/// A connection in use.
pub(super) struct Line<'a, D: Dialect> {
    pool: &'a Pool<D>,
    /// None once it was given back or is broken. One that is dropped is closed: nobody knows what it
    /// was about to do.
    connection: Option<D::Connection>,
    opened: Instant,
    open_transaction: bool,
    _permit: SemaphorePermit<'a>,
}

impl<D: Dialect> Pool<D> {
    pub(super) fn new(options: D::Options, timeout: Duration, connections: u32) -> Self {
        let connections = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            options,
            timeout,
            permits: Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
            trouble: Mutex::default(),
        }
    }

    /// A connection that was just used, or answers, or is new.
    pub(super) async fn line(&self) -> Result<Line<'_, D>, Failure> {
        let permit = self.permits.acquire().await.expect("it is never closed");
        let line = |connection, opened| Line {
            pool: self,
            connection: Some(connection),
            opened,
            open_transaction: false,
            _permit: permit,
        };
        while let Some(mut idle) = self.next_idle() {
            if !self.is_doubtful(&idle) || idle.connection.ping().await.is_ok() {
                return Ok(line(idle.connection, idle.opened));
            }
        }
        let opened = Instant::now();
        Ok(line(D::connect(&self.options, self.timeout).await?, opened))
    }

    fn next_idle(&self) -> Option<Idle<D>> {
        let mut idle = self.idle.lock();
        loop {
            let next = idle.pop()?;
            if next.opened.elapsed() < LONGEST {
                return Some(next);
            }
        }
    }

    fn is_doubtful(&self, idle: &Idle<D>) -> bool {
        idle.since.elapsed() > FRESH || self.trouble.lock().is_some_and(|at| at >= idle.since)
    }
}

impl<D: Dialect> Line<'_, D> {
    /// The connection.
    pub(super) fn connection(&mut self) -> &mut D::Connection {
        self.connection.as_mut().expect("it is there until it is given back")
    }

    /// Begins a transaction that writes, and locks.
    pub(super) async fn begin(&mut self, lock: Option<String>) -> Result<(), Failure> {
        let text = match &lock {
            Some(lock) => &format!("{}; {lock}", D::BEGIN),
            None => D::BEGIN,
        };
        self.open_transaction = true;
        Ok(D::script(self.connection(), text).await?)
    }

    /// Ends the transaction: what it did counts.
    pub(super) async fn commit(&mut self) -> Result<(), Failure> {
        D::script(self.connection(), "COMMIT").await?;
        self.open_transaction = false;
        Ok(())
    }

    /// Gives the connection back, if it is known where it stands.
    pub(super) async fn settle<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        let stands = match &result {
            Ok(_) => true,
            Err(failure) => failure.is_answer(),
        };
        if stands && (!self.open_transaction || self.roll_back().await) {
            self.give_back();
        }
        result
    }

    async fn roll_back(&mut self) -> bool {
        D::script(self.connection(), "ROLLBACK").await.is_ok()
    }

    fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            let idle = Idle { connection, opened: self.opened, since: Instant::now() };
            self.pool.idle.lock().push(idle);
        }
    }
}

/// A connection that was not given back is broken, or nobody waited for what it was to do.
impl<D: Dialect> Drop for Line<'_, D> {
    fn drop(&mut self) {
        if self.connection.is_some() {
            *self.pool.trouble.lock() = Some(Instant::now());
        }
    }
}
