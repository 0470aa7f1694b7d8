//! Announcements between nodes, with PostgreSQL's `LISTEN` and `NOTIFY`.
//!
//! A statement that ends or changes a sign-in notifies the channel `auth_sign_ins` with the id in
//! hexadecimal digits. The server delivers notifications after the commit, in the order of the
//! commits. `beat <node> <number> <source>` is a heartbeat that a node sends to itself through the
//! same channel.
//!
//! The source identifies the database cluster, its timeline, which a promotion changes, and the start
//! of the server. A standby accepts no notifications.

use async_trait::async_trait;
use auth_core::SignInId;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Error, Postgres};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::dialect::{Dialect, Executor};
use super::error::Failure;
use super::operations::run_on;
use super::postgres::{Announcing, PostgresStore};
use crate::error::StoreError;
use crate::near_cache::{Announcement, Announcements, AnnouncingStore, ChangeSource, Heartbeat};
use crate::stores::trace::traced_without_warning;

const CHANNEL: &str = "auth_sign_ins";

/// The SQL expression of the source.
const SOURCE: &str = "(SELECT system_identifier FROM pg_control_system()) \
                      || '-' || (SELECT timeline_id FROM pg_control_checkpoint()) \
                      || '-' || EXTRACT(EPOCH FROM pg_postmaster_start_time())";

/// The number of announcements that may queue for the listener.
const QUEUE: usize = 1024;

/// The server is the only source. The user needs the privilege to call `pg_control_system()` and
/// `pg_control_checkpoint()`, which every user has by default.
#[async_trait]
impl AnnouncingStore for PostgresStore {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        self.check_announcing()?;
        let listening = async {
            let limit = self.inner.timeout;
            let listening = timeout(limit, self.listener()).await;
            Ok(listening.unwrap_or(Err(Failure::TimedOut(limit)))?)
        };
        Ok(Box::new(traced_without_warning("listen", listening).await?))
    }

    async fn send_heartbeat(&self, heartbeat: Heartbeat) -> Result<Vec<ChangeSource>, StoreError> {
        self.check_announcing()?;
        traced_without_warning("beat", self.send(heartbeat)).await
    }
}

impl PostgresStore {
    /// Fails if the announcements are disabled, so that a near cache never serves a cached sign-in.
    fn check_announcing(&self) -> Result<(), StoreError> {
        match self.options.extra {
            Announcing::On => Ok(()),
            Announcing::Off => {
                Err(StoreError::unavailable("the announcements of the store are disabled"))
            }
        }
    }

    /// Opens a connection that only listens.
    async fn listener(&self) -> Result<PostgresAnnouncements, Failure> {
        let options = Postgres::options(&self.options.url, &self.options.database)
            .map_err(|error| Error::Configuration(error.into()))?;
        let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = pool.acquire_timeout(self.inner.timeout).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await?;
        // Notifications that were sent while disconnected are lost, so the near cache must see the end.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        let (sender, receiver) = mpsc::channel(QUEUE);
        let task = tokio::spawn(forward(listener, sender)).abort_handle();
        Ok(PostgresAnnouncements { receiver, task })
    }

    async fn send(&self, heartbeat: Heartbeat) -> Result<Vec<ChangeSource>, StoreError> {
        let Heartbeat { node, number } = heartbeat;
        let query = &format!(
            "SELECT convert_to(source, 'UTF8'), \
             pg_notify('{CHANNEL}', 'beat {node:016x} {number} ' || source) \
             FROM (SELECT {SOURCE} AS source) AS named"
        );
        let inner = &self.inner;
        let rows = run_on!(inner, inner.pool, |connection| async {
            Ok(Postgres::query(connection.raw(), query).await?)
        })?;
        let source = rows.first().ok_or(Error::RowNotFound).and_then(|row| Postgres::bytes(row, 0));
        let source = source.map_err(Failure::from)?.unwrap_or_default();
        let source = String::from_utf8(source).map_err(StoreError::unavailable)?;
        Ok(vec![ChangeSource(source.into())])
    }
}

/// Forwards notifications until the connection ends or the receiver is dropped.
async fn forward(mut listener: PgListener, sender: mpsc::Sender<Result<Announcement, StoreError>>) {
    loop {
        let received = match listener.try_recv().await {
            Ok(Some(message)) => parse(message.payload())
                .ok_or_else(|| StoreError::unavailable("unknown announcement")),
            Ok(None) => Err(StoreError::unavailable("the connection was closed")),
            Err(error) => Err(Failure::from(error).into()),
        };
        let failed = received.is_err();
        if sender.send(received).await.is_err() || failed {
            return;
        }
    }
}

/// Receives announcements until it is dropped.
struct PostgresAnnouncements {
    receiver: mpsc::Receiver<Result<Announcement, StoreError>>,
    task: AbortHandle,
}

#[async_trait]
impl Announcements for PostgresAnnouncements {
    async fn next(&mut self) -> Result<Announcement, StoreError> {
        let ended = || Err(StoreError::unavailable("the listener has ended"));
        self.receiver.recv().await.unwrap_or_else(ended)
    }
}

impl Drop for PostgresAnnouncements {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Parses a notification. Returns none if it has an unknown format.
fn parse(message: &str) -> Option<Announcement> {
    let Some(heartbeat) = message.strip_prefix("beat ") else {
        return Some(Announcement::Changed(vec![sign_in_id(message)?]));
    };
    let mut parts = heartbeat.splitn(3, ' ');
    let node = u64::from_str_radix(parts.next()?, 16).ok()?;
    let number = parts.next()?.parse().ok()?;
    let source = ChangeSource(parts.next().filter(|name| !name.is_empty())?.into());
    Some(Announcement::Heartbeat(Heartbeat { node, number }, source))
}

fn sign_in_id(hex: &str) -> Option<SignInId> {
    let number = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32)?;
    Some(SignInId::from_bytes(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_parsed() {
        let one = SignInId::from_bytes([1; 16]);
        assert_eq!(parse(&"01".repeat(16)), Some(Announcement::Changed(vec![one])));
        let heartbeat = Heartbeat { node: u64::MAX, number: 7 };
        let parsed = parse("beat ffffffffffffffff 7 ab-1-2.5");
        assert_eq!(
            parsed,
            Some(Announcement::Heartbeat(heartbeat, ChangeSource("ab-1-2.5".into())))
        );
    }

    #[test]
    fn unknown_formats_are_rejected() {
        let short = "01".repeat(15);
        for message in ["", "x", &short, "beat", "beat ", "beat 1 2", "beat x 2 a", "beat 1 2 "] {
            assert_eq!(parse(message), None, "{message}");
        }
    }
}
