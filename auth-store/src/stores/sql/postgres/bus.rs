//! What nodes tell each other by way of the server.
//!
//! Whatever ends or changes a sign-in notifies `auth_sign_ins` in the same statement, by the id in
//! hexadecimal digits. The server tells the listeners in the order of the commits, and after them.
//! `beat <node> <number> <source>` is a sign of life that a node sends to itself on the same way.
//!
//! The source names the database cluster, its timeline, which a promotion changes, and the start of
//! the server. A standby takes no notifications.

use async_trait::async_trait;
use auth_core::SignInId;
use sqlx::postgres::{PgListener, PgPoolOptions};
use sqlx::{Error, Postgres};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::dialect::Announcing;
use super::store::PostgresStore;
use crate::error::StoreError;
use crate::near_cache::{Announcement, Announcements, Announces, Beat, Source};
use crate::stores::sql::dialect::Executor;
use crate::stores::sql::failure::Failure;
use crate::stores::sql::statement::Statement;
use crate::stores::sql::value::Value;
use crate::stores::trace::noted;

const CHANNEL: &str = "auth_sign_ins";

/// The server's name as a source.
const SOURCE: &str = "(SELECT system_identifier FROM pg_control_system()) \
                      || '-' || (SELECT timeline_id FROM pg_control_checkpoint()) \
                      || '-' || EXTRACT(EPOCH FROM pg_postmaster_start_time())";

/// How many announcements may wait for their listener.
const WAITING: usize = 1024;

/// The server is the one source. The user has to be allowed `pg_control_system()` and
/// `pg_control_checkpoint()`, as everybody is unless somebody changed it.
#[async_trait]
impl Announces for PostgresStore {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        self.announces()?;
        let listening = async {
            let longest = self.shared.timeout;
            let listening = timeout(longest, self.listener()).await;
            Ok(listening.unwrap_or(Err(Failure::TimedOut(longest)))?)
        };
        Ok(Box::new(noted("listen", listening).await?))
    }

    async fn beat(&self, beat: Beat) -> Result<Vec<Source>, StoreError> {
        self.announces()?;
        noted("beat", self.send(beat)).await
    }
}

impl PostgresStore {
    /// A store that does not announce proves nothing to a near cache, which then never believes a copy.
    fn announces(&self) -> Result<(), StoreError> {
        match self.opening.extra {
            Announcing::On => Ok(()),
            Announcing::Off => Err(StoreError::unavailable("the store announces nothing")),
        }
    }

    /// Listens on a connection of its own.
    async fn listener(&self) -> Result<Bus, Failure> {
        let options = self
            .opening
            .options::<Postgres>()
            .map_err(|error| Error::Configuration(error.into()))?;
        let one = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let pool = one.acquire_timeout(self.shared.timeout).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&pool).await?;
        // What was told while there was no connection would be missed in silence.
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        let (sender, heard) = mpsc::channel(WAITING);
        let task = tokio::spawn(forward(listener, sender)).abort_handle();
        Ok(Bus { heard, task })
    }

    async fn send(&self, beat: Beat) -> Result<Vec<Source>, StoreError> {
        let message = format!("beat {:016x} {} ", beat.node, beat.number);
        let text = format!(
            "SELECT convert_to(source, 'UTF8'), \
             pg_notify('{CHANNEL}', convert_from($1, 'UTF8') || source) \
             FROM (SELECT {SOURCE} AS source) AS named"
        );
        let statement = Statement::numbered(text);
        let (statement, message) = (&statement, &[Value::Bytes(Some(message.as_bytes()))]);
        let rows = self
            .shared
            .step(|| async move {
                let mut line = self.shared.pool.line().await?;
                let rows = line.fetch(statement, message).await;
                line.settle(rows).await
            })
            .await?;
        let name = rows.first().ok_or(Error::RowNotFound).and_then(|row| Postgres::bytes(row, 0));
        let name = name.map_err(Failure::from)?.unwrap_or_default();
        let name = String::from_utf8(name).map_err(StoreError::unavailable)?;
        Ok(vec![Source(name.into())])
    }
}

/// Hands on what is heard, until the connection ends or nobody listens any more.
async fn forward(mut listener: PgListener, to: mpsc::Sender<Result<Announcement, StoreError>>) {
    loop {
        let heard = match listener.try_recv().await {
            Ok(Some(message)) => read(message.payload())
                .ok_or_else(|| StoreError::unavailable("an announcement that nobody makes")),
            Ok(None) => Err(StoreError::unavailable("the connection has ended")),
            Err(error) => Err(Failure::from(error).into()),
        };
        let over = heard.is_err();
        if to.send(heard).await.is_err() || over {
            return;
        }
    }
}

/// Listens until it is dropped.
struct Bus {
    heard: mpsc::Receiver<Result<Announcement, StoreError>>,
    task: AbortHandle,
}

#[async_trait]
impl Announcements for Bus {
    async fn next(&mut self) -> Result<Announcement, StoreError> {
        let ended = || Err(StoreError::unavailable("the listening has ended"));
        self.heard.recv().await.unwrap_or_else(ended)
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn read(message: &str) -> Option<Announcement> {
    let Some(beat) = message.strip_prefix("beat ") else {
        return Some(Announcement::Changed(vec![sid(message)?]));
    };
    let mut parts = beat.splitn(3, ' ');
    let node = u64::from_str_radix(parts.next()?, 16).ok()?;
    let number = parts.next()?.parse().ok()?;
    let source = Source(parts.next().filter(|name| !name.is_empty())?.into());
    Some(Announcement::Beat(Beat { node, number }, source))
}

fn sid(hex: &str) -> Option<SignInId> {
    let number = u128::from_str_radix(hex, 16).ok().filter(|_| hex.len() == 32)?;
    Some(SignInId::from_bytes(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_is_read() {
        let one = SignInId::from_bytes([1; 16]);
        assert_eq!(read(&"01".repeat(16)), Some(Announcement::Changed(vec![one])));
        let beat = Beat { node: u64::MAX, number: 7 };
        let heard = read("beat ffffffffffffffff 7 ab-1-2.5");
        assert_eq!(heard, Some(Announcement::Beat(beat, Source("ab-1-2.5".into()))));
    }

    #[test]
    fn anything_else_is_an_error() {
        let short = "01".repeat(15);
        for message in ["", "x", &short, "beat", "beat ", "beat 1 2", "beat x 2 a", "beat 1 2 "] {
            assert_eq!(read(message), None, "{message}");
        }
    }
}
