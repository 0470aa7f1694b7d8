//! The connections.
//!
//! The pool that comes with sqlx asks the database for a sign of life after each use, and waits for it
//! without a bound. Here it is asked when a connection was unused for a while, or since something
//! went wrong, within the time that the step may take. If it does not answer soon, it and all that
//! were not used since are taken for lost, and new ones are opened.

use std::time::Duration;

use deadpool::managed::{self, Manager, Metrics, Object, PoolError, RecycleError, RecycleResult};
use parking_lot::Mutex;
use sqlx::{Connection, Error};
use tokio::time::{Instant, timeout};

use super::dialect::Dialect;
use super::failure::Failure;

/// A connection that was unused for so long is asked for a sign of life.
const FRESH: Duration = Duration::from_secs(1);
/// No connection is used for longer: names may have come to mean other servers.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// Connections to a database, at most so many.
pub(super) struct Pool<D: Dialect>(managed::Pool<Opener<D>>);

/// Opens connections, and looks whether one that was used before is still good.
struct Opener<D: Dialect> {
    options: D::Options,
    timeout: Duration,
    /// When a connection last broke: others may be broken, too.
    trouble: Mutex<Option<Instant>>,
    /// When a connection last brought nothing: others may not, either, and to ask each takes long.
    silence: Mutex<Option<Instant>>,
}

/// A connection in use.
pub(super) struct PooledConnection<'a, D: Dialect> {
    pool: &'a Pool<D>,
    /// None once it was given back or is broken. One that is dropped is closed: nobody knows what it
    /// was about to do.
    connection: Option<Object<Opener<D>>>,
    open_transaction: bool,
}

impl<D: Dialect> Pool<D> {
    pub(super) fn new(options: D::Options, timeout: Duration, connections: u32) -> Self {
        let (trouble, silence) = (Mutex::default(), Mutex::default());
        let opener = Opener { options, timeout, trouble, silence };
        // The pool makes room for all of them at once.
        let most = u16::try_from(connections).unwrap_or(u16::MAX);
        let pool = managed::Pool::builder(opener).max_size(most.into());
        Self(pool.build().expect("without timeouts of its own it needs no runtime"))
    }

    /// A connection that was just used, or answers, or is new.
    pub(super) async fn line(&self) -> Result<PooledConnection<'_, D>, Failure> {
        let connection = self.0.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            _ => Error::PoolClosed,
        })?;
        Ok(PooledConnection { pool: self, connection: Some(connection), open_transaction: false })
    }
}

impl<D: Dialect> Manager for Opener<D> {
    type Type = D::Connection;
    type Error = Error;

    async fn create(&self) -> Result<D::Connection, Error> {
        D::connect(&self.options, self.timeout).await
    }

    async fn recycle(
        &self,
        connection: &mut D::Connection,
        metrics: &Metrics,
    ) -> RecycleResult<Error> {
        if metrics.age() > LONGEST {
            return Err(RecycleError::message("it was open for long enough"));
        }
        let unused = metrics.last_used();
        let since =
            |event: &Mutex<Option<Instant>>| event.lock().is_some_and(|at| at.elapsed() <= unused);
        if since(&self.silence) {
            return Err(RecycleError::message("another brought nothing since it was used"));
        }
        if unused > FRESH || since(&self.trouble) {
            let Ok(answer) = timeout(self.timeout / 4, connection.ping()).await else {
                *self.silence.lock() = Some(Instant::now());
                return Err(RecycleError::message("it does not answer"));
            };
            answer?;
        }
        Ok(())
    }
}

impl<D: Dialect> PooledConnection<'_, D> {
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

    /// Begins a transaction that only reads, and may take so long.
    pub(super) async fn begin_at_length(&mut self, limit: Duration) -> Result<(), Failure> {
        self.open_transaction = true;
        Ok(D::script(self.connection(), &D::begin_at_length(limit)).await?)
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
            Err(failure) => failure.is_answer::<D>(),
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
        drop(self.connection.take());
    }
}

/// A connection that was not given back is broken, or nobody waited for what it was to do.
impl<D: Dialect> Drop for PooledConnection<'_, D> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(Object::take(connection));
            *self.pool.0.manager().trouble.lock() = Some(Instant::now());
        }
    }
}
