//! The connection pool.
//!
//! sqlx's own pool pings the database after each use, and waits for the answer without a limit. This
//! one checks a connection only if its last check is a while ago or if another connection broke
//! meanwhile, and within the timeout of the operation. If a connection does not answer, all
//! connections that were not used since are assumed lost, and new ones are opened.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, Manager, Metrics, Object, PoolError, RecycleError, RecycleResult};
use parking_lot::Mutex;
use sqlx::{Error, Row as _};
use tokio::time::{Instant, timeout};

use super::dialect::{Dialect, Value};
use super::error::Failure;
use super::session::{OpenSessions, Session};
use super::statements::Statement;

/// A connection whose last check is this long ago is checked before its next use. So a server that
/// became read-only is believed for no longer.
const CHECK_AFTER: Duration = Duration::from_secs(1);
/// The maximum age of a connection. Host names may resolve to other servers later.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// A pool with a maximum number of connections.
pub(super) struct Pool<D: Dialect>(managed::Pool<Opener<D>>);

/// Opens connections, and checks those that were used before.
struct Opener<D: Dialect> {
    options: D::Options,
    timeout: Duration,
    open: Arc<OpenSessions>,
    /// When a connection last broke. Others may be broken as well.
    last_broken: Mutex<Option<Instant>>,
    /// When a connection last failed to answer a check. Checking each of the others would take long.
    last_unresponsive: Mutex<Option<Instant>>,
}

/// A connection in use. If it is dropped before [`finish`](Self::finish), it is closed, because the
/// state of the connection is unknown.
pub(super) struct PooledConnection<'a, D: Dialect> {
    pool: &'a Pool<D>,
    /// None once the connection was returned to the pool.
    connection: Option<Object<Opener<D>>>,
    in_transaction: bool,
}

impl<D: Dialect> Pool<D> {
    pub(super) fn new(options: D::Options, timeout: Duration, max_connections: u32) -> Self {
        let (last_broken, last_unresponsive) = (Mutex::default(), Mutex::default());
        let open = Arc::default();
        let opener = Opener { options, timeout, open, last_broken, last_unresponsive };
        // The pool allocates space for all connections at once.
        let max = u16::try_from(max_connections).unwrap_or(u16::MAX);
        let pool = managed::Pool::builder(opener).max_size(max.into());
        Self(pool.build().expect("a pool without timeouts needs no runtime"))
    }

    /// Closes the unused connections, and each of the others after its use. No operation begins any more.
    pub(super) fn close(&self) {
        self.0.close();
    }

    /// Returns a connection that was checked recently, passes the check, or is new.
    pub(super) async fn get(&self) -> Result<PooledConnection<'_, D>, Failure> {
        let connection = self.0.get().await.map_err(|error| match error {
            PoolError::Backend(failure) => failure,
            _ => Error::PoolClosed.into(),
        })?;
        Ok(PooledConnection { pool: self, connection: Some(connection), in_transaction: false })
    }
}

impl<D: Dialect> Manager for Opener<D> {
    type Type = Session<D>;
    type Error = Failure;

    /// If the server gave a session the number of another one, the server was restarted and the other
    /// one is gone, or a pooler shares the session. So the connections that are unused are closed.
    async fn create(&self) -> Result<Session<D>, Failure> {
        let opened = Session::open(&self.options, self.timeout, &self.open).await;
        if matches!(opened, Err(Failure::Shared)) {
            *self.last_unresponsive.lock() = Some(Instant::now());
        }
        opened
    }

    async fn recycle(&self, session: &mut Session<D>, metrics: &Metrics) -> RecycleResult<Failure> {
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message("the connection reached its maximum age"));
        }
        if session.is_superseded() {
            return Err(RecycleError::message("a newer connection is to another server"));
        }
        let unused = metrics.last_used();
        let happened_since =
            |event: &Mutex<Option<Instant>>| event.lock().is_some_and(|at| at.elapsed() <= unused);
        if happened_since(&self.last_unresponsive) {
            return Err(RecycleError::message("another connection did not answer"));
        }
        if session.unchecked_for() > CHECK_AFTER || happened_since(&self.last_broken) {
            let Ok(answer) = timeout(self.timeout / 4, session.check()).await else {
                *self.last_unresponsive.lock() = Some(Instant::now());
                return Err(RecycleError::message("the connection did not answer"));
            };
            answer?;
        }
        Ok(())
    }
}

impl<D: Dialect> PooledConnection<'_, D> {
    fn session(&mut self) -> &mut Session<D> {
        self.connection.as_mut().expect("the connection is present until it is returned")
    }

    /// Returns sqlx's connection.
    pub(super) fn raw(&mut self) -> &mut D::Connection {
        &mut self.session().raw
    }

    /// Executes a statement that selects rows. Fails if the rows are those of another statement.
    pub(super) async fn fetch(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<Vec<D::Row>, Failure> {
        let rows = D::fetch(self.session(), statement, values).await?;
        match rows.iter().all(|row| row.len() == statement.columns) {
            true => Ok(rows),
            false => Err(Failure::Foreign),
        }
    }

    /// Executes a statement, and returns the number of rows that it changed.
    pub(super) async fn execute(
        &mut self,
        statement: &Statement,
        values: &[Value<'_>],
    ) -> Result<u64, Failure> {
        Ok(D::execute(self.session(), statement, values).await?)
    }

    /// Begins a transaction that writes, and executes the statement that locks a subject.
    pub(super) async fn begin(&mut self, lock: Option<String>) -> Result<(), Failure> {
        let text = match &lock {
            Some(lock) => &format!("{}; {lock}", D::BEGIN),
            None => D::BEGIN,
        };
        self.in_transaction = true;
        Ok(D::script(self.raw(), text).await?)
    }

    /// Begins a read-only transaction whose statements may take this long.
    pub(super) async fn begin_read_only(&mut self, limit: Duration) -> Result<(), Failure> {
        self.in_transaction = true;
        Ok(D::script(self.raw(), &D::begin_read_only(limit)).await?)
    }

    pub(super) async fn commit(&mut self) -> Result<(), Failure> {
        D::script(self.raw(), "COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    /// Returns the connection to the pool, unless the result leaves its state unknown. Rolls back an
    /// open transaction.
    pub(super) async fn finish<T>(mut self, result: Result<T, Failure>) -> Result<T, Failure> {
        let usable = match &result {
            Ok(_) => true,
            Err(failure) => failure.keeps_connection::<D>(),
        };
        if usable && (!self.in_transaction || self.roll_back().await) {
            drop(self.connection.take());
        }
        result
    }

    async fn roll_back(&mut self) -> bool {
        D::script(self.raw(), "ROLLBACK").await.is_ok()
    }
}

/// Closes a connection that was not returned to the pool: it is broken, or its operation was
/// cancelled.
impl<D: Dialect> Drop for PooledConnection<'_, D> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
            *self.pool.0.manager().last_broken.lock() = Some(Instant::now());
        }
    }
}
