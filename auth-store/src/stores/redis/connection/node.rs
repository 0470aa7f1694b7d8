//! One server and its connections.
//!
//! Most steps share a connection. Steps that wait for replicas take one from a pool.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::config::{ConnectionConfig, Replicas};
use super::failure::{Failure, timed_out};
use super::inspect::{is_replica, replica, role};
use super::open::PushHandler;
use super::request::{Durability, ReadFrom, Request};
use super::shared_connection::SharedConnection;
use super::target::Target;
use super::wire::Connection;

/// How many steps may wait for replicas at a time.
const MAX_WAITING: usize = 16;
/// How often a primary that the Sentinels have named is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A server, with a connection that all steps share and a pool for steps that wait for replicas: `WAIT`
/// blocks its connection, and counts what was written on it.
pub(super) struct Node {
    target: Target,
    config: Arc<ConnectionConfig>,
    shared: SharedConnection,
    waiting: Semaphore,
    /// Each with the epoch of the shared connection at that time: it goes to the same server.
    idle: Mutex<Vec<(u64, Connection)>>,
    /// When it was last checked that the primary is still the same.
    checked: tokio::sync::Mutex<Option<Instant>>,
}

impl Node {
    pub(super) fn new(target: Target, config: Arc<ConnectionConfig>) -> Self {
        let (shared, waiting) = (SharedConnection::new(), Semaphore::new(MAX_WAITING));
        let checked = tokio::sync::Mutex::default();
        Self { target, config, shared, waiting, idle: Mutex::default(), checked }
    }

    /// Returns the connection that all steps share.
    pub(super) async fn connection(&self, deadline: Instant) -> Result<Connection, Failure> {
        self.shared.get(&self.target, &self.config, deadline).await
    }

    /// Opens a connection for the caller alone.
    pub(super) async fn open(
        &self,
        on_push: Option<PushHandler>,
        deadline: Instant,
    ) -> Result<Connection, Failure> {
        let opened = timeout_at(deadline, self.target.open(&self.config, on_push)).await;
        opened.unwrap_or_else(|_| Err(unreachable()))
    }

    /// Checks that the shared connection still goes to the right server.
    pub(super) async fn check(&self, deadline: Instant) -> Result<(), Failure> {
        let connection = self.connection(deadline).await?;
        let is_there = timeout_at(deadline, self.target.is_at(connection.server())).await;
        if is_there.unwrap_or_else(|_| Err(unreachable()))? {
            return Ok(());
        }
        self.forget();
        Err(Failure::Unreachable(replaced()))
    }

    /// Checks the primary from time to time, before a step. A primary that was replaced while it hung accepts
    /// steps for some seconds more when it is back, and a connection that was idle meanwhile still goes
    /// there. If no Sentinel answers, nothing changes.
    async fn check_at_intervals(&self, deadline: Instant) -> Result<(), Failure> {
        let mut checked =
            timeout_at(deadline, self.checked.lock()).await.map_err(|_| unreachable())?;
        if checked.is_none_or(|at| at.elapsed() > CHECK_INTERVAL) {
            if let Err(error) = self.check(deadline).await {
                tracing::debug!(%error, "primary not confirmed");
            }
            *checked = Some(Instant::now());
        }
        Ok(())
    }

    /// Drops all connections, because another server has replaced this one or the store was closed.
    pub(super) fn forget(&self) {
        self.idle.lock().clear();
        self.shared.clear();
    }

    /// Takes one step on this server. With `asking`, its keys are just moving here.
    pub(super) async fn run(
        &self,
        request: &Request,
        asking: Asking,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        if self.target.may_change() {
            self.check_at_intervals(deadline).await?;
        }
        let asking = (asking == Asking::Yes).then(|| redis::cmd("ASKING"));
        if request.durability == Durability::OnReplicas && self.config.replicas.required() > 0 {
            return self.run_on_replicas(request, asking.as_ref(), deadline).await;
        }
        let connection = self.connection(deadline).await?;
        let reads = request.source == ReadFrom::Primary && self.target.may_be_replica();
        let role = reads.then(role);
        let answer = connection.run(asking.as_ref(), request, role.as_ref(), deadline).await;
        if matches!(answer, Err(Failure::Lost(_))) {
            self.shared.discard(&connection);
        }
        let (answer, role) = answer?;
        // The role is read after the record: the server was a primary when it read the record.
        if role.is_some_and(|role| is_replica(&role)) {
            return Err(Failure::Refused(replica()));
        }
        Ok(answer)
    }

    /// Takes one step on a connection from the pool, and waits for replicas. For `WAIT`, the server counts
    /// everything that was written until it answered, on whatever connection. So a step that finds its work
    /// done also waits for that work.
    async fn run_on_replicas(
        &self,
        request: &Request,
        asking: Option<&redis::Cmd>,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let _permit =
            timeout_at(deadline, self.waiting.acquire()).await.map_err(|_| unreachable())?;
        // The shared connection has inspected the server, and fails at once while it is down.
        self.connection(deadline).await?;
        let epoch = self.shared.epoch();
        let connection = match self.idle(epoch) {
            Some(connection) => connection,
            None => self.open(None, deadline).await?,
        };
        let (answer, role) = match connection.run(asking, request, Some(&role()), deadline).await {
            Ok(both) => both,
            Err(failure @ Failure::Refused(_)) => {
                self.keep(epoch, connection);
                return Err(failure);
            }
            Err(failure) => {
                self.shared.clear(); // the server will not answer there either
                return Err(failure);
            }
        };
        if let Some(role) = role {
            if self.target.may_be_replica() && is_replica(&role) {
                self.shared.clear();
                return Err(Failure::Lost(replica())); // it is configured to accept writes
            }
            self.shared.replicated.note(connection.server(), &role);
        }
        let always = self.config.replicas != Replicas::IfAny;
        if always || self.shared.replicated.is(connection.server()) {
            self.wait(&connection, deadline).await?;
        }
        self.keep(epoch, connection);
        Ok(answer)
    }

    /// Puts a connection into the pool.
    fn keep(&self, epoch: u64, connection: Connection) {
        self.idle.lock().push((epoch, connection));
        if *self.config.closed.borrow() {
            self.forget(); // the store may have dropped its connections before this one was there
        }
    }

    /// Takes a connection from the pool that is open and goes to the server of the shared one.
    fn idle(&self, epoch: u64) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.retain(|(of, connection)| *of == epoch && connection.is_open());
        idle.pop().map(|(_, connection)| connection)
    }

    /// Waits until enough replicas have read what this connection has written.
    async fn wait(&self, connection: &Connection, deadline: Instant) -> Result<(), Failure> {
        let required = self.config.replicas.required();
        let left = deadline.saturating_duration_since(Instant::now());
        // A little less than is left, so that the count arrives in time. 0 would mean no limit.
        let left = (left * 9 / 10).max(Duration::from_millis(1));
        let mut wait = redis::cmd("WAIT");
        wait.arg(required).arg(u64::try_from(left.as_millis()).unwrap_or(1).max(1));
        let answer = connection.ask(&wait, deadline).await?;
        let confirmed =
            u32::from_redis_value(answer).map_err(|error| Failure::Lost(error.into()))?;
        if confirmed < required {
            return Err(Failure::Shortfall { confirmed, required });
        }
        Ok(())
    }
}

fn replaced() -> redis::RedisError {
    (redis::ErrorKind::MasterNameNotFoundBySentinel, "the primary has been replaced").into()
}

fn unreachable() -> Failure {
    Failure::Unreachable(timed_out("no connection in time"))
}

/// Whether a step follows an `ASK` redirection, to a server that is receiving its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Yes,
    No,
}
