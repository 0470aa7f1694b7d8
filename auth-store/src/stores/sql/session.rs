//! Sessions of the server: each connection of the store must be one, on a server that accepts writes.
//!
//! A pooler that shares the server's sessions among its clients mixes their settings, and a standby
//! answers with the past. So the store checks every connection when it is opened, and a connection in
//! use once per second. [`check_pooling`] looks for a pooler when a store is opened, before it
//! changes any setting.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::{Connection, Error};
use tokio::time::{Instant, timeout};

use super::dialect::Dialect;
use super::error::Failure;

/// A connection and what is known about its session.
pub(super) struct Session<D: Dialect> {
    pub(super) raw: D::Connection,
    #[cfg(feature = "postgres")]
    pub(super) prepared: super::postgres::PreparedStatements,
    /// The last check.
    checked: Instant,
    state: Option<SessionState>,
    open: Arc<OpenSessions>,
}

/// What [`Dialect::STATE`] selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SessionState {
    /// The server's name of the session.
    id: i64,
    /// The server: another number means another server.
    server: i64,
}

/// The open sessions of a pool.
#[derive(Default)]
pub(super) struct OpenSessions {
    ids: Mutex<Vec<i64>>,
    /// The server of the newest session.
    server: Mutex<Option<i64>>,
}

impl<D: Dialect> Session<D> {
    /// Opens a connection, checks its session, and applies the settings that the store relies on.
    pub(super) async fn open(
        options: &D::Options,
        timeout: Duration,
        open: &Arc<OpenSessions>,
    ) -> Result<Self, Failure> {
        let mut raw = D::open(options).await?;
        let state = read_state::<D>(&mut raw).await?;
        if let Some(SessionState { id, server }) = state {
            let mut ids = open.ids.lock();
            if ids.contains(&id) {
                return Err(Failure::Shared);
            }
            ids.push(id);
            *open.server.lock() = Some(server);
        }
        let mut session = Self {
            raw,
            #[cfg(feature = "postgres")]
            prepared: super::postgres::PreparedStatements::new()?,
            checked: Instant::now(),
            state,
            open: Arc::clone(open),
        };
        if let Some(settings) = D::settings(timeout) {
            D::script(&mut session.raw, &settings).await?;
        }
        Ok(session)
    }

    /// Returns whether a session on another server was opened since.
    pub(super) fn is_superseded(&self) -> bool {
        self.state.is_some_and(|state| Some(state.server) != *self.open.server.lock())
    }

    /// Returns the time since the last check.
    pub(super) fn unchecked_for(&self) -> Duration {
        self.checked.elapsed()
    }

    /// Checks that the connection answers, is still this session, and accepts writes.
    pub(super) async fn check(&mut self) -> Result<(), Failure> {
        if self.state.is_none() {
            self.raw.ping().await?;
        } else if read_state::<D>(&mut self.raw).await? != self.state {
            return Err(Failure::Shared);
        }
        self.checked = Instant::now();
        Ok(())
    }
}

impl<D: Dialect> Drop for Session<D> {
    fn drop(&mut self) {
        if let Some(state) = self.state {
            self.open.ids.lock().retain(|id| *id != state.id);
        }
    }
}

/// Reads the state of a session. Returns none if the database has no sessions. Fails if the server
/// accepts no writes.
async fn read_state<D: Dialect>(raw: &mut D::Connection) -> Result<Option<SessionState>, Failure> {
    match D::STATE {
        Some(query) => Ok(Some(state::<D>(&D::query(raw, query).await?)?)),
        None => Ok(None),
    }
}

fn state<D: Dialect>(rows: &[D::Row]) -> Result<SessionState, Failure> {
    let row = rows.first().ok_or(Error::RowNotFound)?;
    let (id, read_only, server) = (D::int(row, 0)?, D::int(row, 1)?, D::int(row, 2)?);
    if read_only != 0 {
        return Err(Failure::ReadOnly);
    }
    Ok(SessionState { id, server })
}

/// Fails if a pooler shares the server's sessions among connections.
///
/// Two connections must keep a session of their own, in transactions and between them. If one
/// connection suffices for the store, the second one may be refused; then the check is skipped with a
/// warning. Changes no setting, because another client would get it. `limit` bounds the time to open
/// each connection, and that of the check itself.
pub(super) async fn check_pooling<D: Dialect>(
    options: &D::Options,
    limit: Duration,
    one_suffices: bool,
) -> Result<(), Failure> {
    let Some(query) = D::STATE else { return Ok(()) };
    let open = async || {
        let mut raw = D::open(options).await?;
        let state = state::<D>(&D::query(&mut raw, query).await?)?;
        Ok::<_, Failure>((raw, state))
    };
    let first = within(limit, open()).await?;
    let second = match within(limit, open()).await {
        Err(error) if one_suffices => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "check for a connection pooler skipped: no second connection");
            return Ok(());
        }
        second => second?,
    };
    within(limit, compare_sessions::<D>(query, first, second)).await
}

/// Fails if one of two connections does not keep the session with which it was opened.
async fn compare_sessions<D: Dialect>(
    query: &str,
    (mut first, first_state): (D::Connection, SessionState),
    (mut second, second_state): (D::Connection, SessionState),
) -> Result<(), Failure> {
    if first_state.id == second_state.id {
        return Err(Failure::Shared);
    }
    let hold = format!("{}; {query}", D::BEGIN);
    // A pooler assigns the sessions that are free in the order of their release, or in the opposite.
    for in_order in [true, false, true] {
        for (raw, before) in [(&mut first, first_state), (&mut second, second_state)] {
            let rows = D::query(raw, &hold).await.map_err(|error| match error {
                // A pooler of statements admits no transactions. PgBouncer's error is this one.
                Error::Database(error) if error.code().as_deref() == Some("08P01") => {
                    Failure::Shared
                }
                error => error.into(),
            })?;
            if state::<D>(&rows)? != before {
                return Err(Failure::Shared);
            }
        }
        let (next, last) =
            if in_order { (&mut first, &mut second) } else { (&mut second, &mut first) };
        D::script(next, "ROLLBACK").await?;
        D::script(last, "ROLLBACK").await?;
    }
    Ok(())
}

async fn within<T>(
    limit: Duration,
    operation: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout(limit, operation).await.unwrap_or(Err(Failure::TimedOut(limit)))
}
