//! One server.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use redis::{FromRedisValue, Value};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::failure::{Failure, timed_out};
use super::link::Link;
use super::open::Ear;
use super::place::Place;
use super::request::{Lasts, Request};
use super::settings::{ConnectionConfig, Replicas};
use super::vet::role;
use super::wire::Connection;

/// How many steps may wait for replicas at a time.
const WAITING: usize = 16;
/// For how long a primary is believed to be one without a look.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A server: one connection that all share, and some for steps that wait for replicas. `WAIT`
/// holds up whatever else is on its connection, and counts what was written on it.
pub(super) struct Node {
    place: Place,
    settings: Arc<ConnectionConfig>,
    link: Link,
    waiting: Semaphore,
    /// Each with the epoch of the shared connection: it goes where that one went.
    idle: Mutex<Vec<(u64, Connection)>>,
    /// When it was last looked whether the primary is still the same.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

impl Node {
    pub(super) fn new(place: Place, settings: Arc<ConnectionConfig>) -> Self {
        let (link, waiting) = (Link::new(), Semaphore::new(WAITING));
        let looked = tokio::sync::Mutex::default();
        Self { place, settings, link, waiting, idle: Mutex::default(), looked }
    }

    /// The connection that all share.
    pub(super) async fn connection(&self, by: Instant) -> Result<Connection, Failure> {
        self.link.connection(&self.place, &self.settings, by).await
    }

    /// A connection of one's own.
    pub(super) async fn open(&self, ear: Option<Ear>, by: Instant) -> Result<Connection, Failure> {
        let opened = timeout_at(by, self.place.open(&self.settings, ear)).await;
        opened.unwrap_or_else(|_| Err(unreachable()))
    }

    /// Looks whether the shared connection still goes where it should.
    pub(super) async fn check(&self, by: Instant) -> Result<(), Failure> {
        let connection = self.connection(by).await?;
        let is_there = timeout_at(by, self.place.is_at(connection.server())).await;
        if is_there.unwrap_or_else(|_| Err(unreachable()))? {
            return Ok(());
        }
        self.forget();
        Err(Failure::Unreachable(another()))
    }

    /// Looks now and then, before a step: a primary that was replaced while it hung takes steps for some
    /// seconds more when it is back, and a connection that nobody used meanwhile still goes there. Who
    /// cannot be asked changes nothing.
    async fn check_now_and_then(&self, by: Instant) -> Result<(), Failure> {
        let mut looked = timeout_at(by, self.looked.lock()).await.map_err(|_| unreachable())?;
        if looked.is_none_or(|at| at.elapsed() > LOOK_EVERY) {
            if let Err(error) = self.check(by).await {
                tracing::debug!(%error, "whether the primary is the same is not known, or it is not");
            }
            *looked = Some(Instant::now());
        }
        Ok(())
    }

    /// Drops all connections: the server is not the one that it was.
    pub(super) fn forget(&self) {
        self.idle.lock().clear();
        self.link.clear();
    }

    /// Takes one step here. `asking` says that its keys are just arriving.
    pub(super) async fn run(
        &self,
        request: &Request,
        asking: Asking,
        by: Instant,
    ) -> Result<Value, Failure> {
        if self.place.may_change() {
            self.check_now_and_then(by).await?;
        }
        let asking = (asking == Asking::Yes).then(|| redis::cmd("ASKING"));
        if request.lasts == Lasts::OnReplicas && self.settings.replicas.asked() > 0 {
            return self.run_lasting(request, asking.as_ref(), by).await;
        }
        let connection = self.connection(by).await?;
        let answer = connection.run(asking.as_ref(), request, None, by).await;
        if matches!(answer, Err(Failure::Lost(_))) {
            self.link.discard(&connection);
        }
        answer.map(|(answer, _)| answer)
    }

    /// Takes one step on a connection of its own, and waits for replicas. The
    /// server counts for `WAIT` what it had written when it answered, whoever wrote it: so a step
    /// that found its work done waits for that work as well.
    async fn run_lasting(
        &self,
        request: &Request,
        asking: Option<&redis::Cmd>,
        by: Instant,
    ) -> Result<Value, Failure> {
        let _permit = timeout_at(by, self.waiting.acquire()).await.map_err(|_| unreachable())?;
        // Behind the shared connection, which knows when the server is away, and looked at it.
        self.connection(by).await?;
        let epoch = self.link.epoch();
        let connection = match self.idle(epoch) {
            Some(connection) => connection,
            None => self.open(None, by).await?,
        };
        let (answer, role) = match connection.run(asking, request, Some(&role()), by).await {
            Ok(both) => both,
            Err(failure @ Failure::Refused(_)) => {
                self.idle.lock().push((epoch, connection));
                return Err(failure);
            }
            Err(failure) => {
                self.link.clear(); // whoever does not answer here does not there
                return Err(failure);
            }
        };
        if let Some(role) = role {
            self.link.followed.note(connection.server(), &role);
        }
        let has_to = self.settings.replicas != Replicas::IfAny;
        if has_to || self.link.followed.is(connection.server()) {
            self.wait(&connection, by).await?;
        }
        self.idle.lock().push((epoch, connection));
        Ok(answer)
    }

    /// A connection that is open, and goes where the shared one goes.
    fn idle(&self, epoch: u64) -> Option<Connection> {
        let mut idle = self.idle.lock();
        idle.retain(|(of, connection)| *of == epoch && connection.is_open());
        idle.pop().map(|(_, connection)| connection)
    }

    async fn wait(&self, connection: &Connection, by: Instant) -> Result<(), Failure> {
        let asked = self.settings.replicas.asked();
        let left = by.saturating_duration_since(Instant::now());
        // A little less than there is, so that the count arrives in time; 0 would be for ever.
        let left = (left * 9 / 10).max(Duration::from_millis(1));
        let mut wait = redis::cmd("WAIT");
        wait.arg(asked).arg(u64::try_from(left.as_millis()).unwrap_or(1).max(1));
        let answer = connection.ask(&wait, by).await?;
        let confirmed =
            u32::from_redis_value(answer).map_err(|error| Failure::Lost(error.into()))?;
        if confirmed < asked {
            return Err(Failure::Shortfall { confirmed, asked });
        }
        Ok(())
    }
}

fn another() -> redis::RedisError {
    (redis::ErrorKind::MasterNameNotFoundBySentinel, "the primary is another by now").into()
}

fn unreachable() -> Failure {
    Failure::Unreachable(timed_out("no connection of its own in time"))
}

/// Whether a step follows an `ASK` redirection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Yes,
    No,
}
