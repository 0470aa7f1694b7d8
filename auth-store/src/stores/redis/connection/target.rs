//! [`Target`], the server that a connection goes to.
//!
//! It is always the same server, or the one that the Sentinels call the current primary.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, timeout};

use super::config::ConnectionConfig;
use super::failure::{Failure, timed_out};
use super::inspect::{Replicated, inspect, is_replica, replica};
use super::open::{PushHandler, open};
use super::sentinel::Sentinels;
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

/// Which server a connection goes to.
pub(super) enum Target {
    Fixed(Endpoint),
    /// A server of a cluster. If it is a replica, it refers steps to its primary.
    Member(Endpoint),
    /// The server that the Sentinels call the primary.
    Primary(Sentinels),
}

impl Target {
    pub(super) async fn open(
        &self,
        config: &ConnectionConfig,
        on_push: Option<PushHandler>,
    ) -> Result<Connection, Failure> {
        match self {
            Self::Fixed(endpoint) | Self::Member(endpoint) => {
                open(endpoint, config, on_push).await.map_err(Failure::Unreachable)
            }
            // The limit holds for all Sentinels together: each may name a primary that hangs.
            Self::Primary(sentinels) => timeout(config.timeout * 3 / 4, sentinels.open(on_push))
                .await
                .unwrap_or_else(|_| Err(Failure::Unreachable(timed_out("no primary in time")))),
        }
    }

    /// Returns whether it can become another server.
    pub(super) fn may_change(&self) -> bool {
        matches!(self, Self::Primary(_))
    }

    /// Returns whether a replica would answer in the place of its primary.
    pub(super) fn may_be_replica(&self) -> bool {
        !matches!(self, Self::Member(_))
    }

    /// Returns whether new connections still go to this server.
    pub(super) async fn is_at(&self, server: &Endpoint) -> Result<bool, Failure> {
        match self {
            Self::Fixed(_) | Self::Member(_) => Ok(true),
            Self::Primary(sentinels) => sentinels.confirm(server).await,
        }
    }

    /// Opens a connection and inspects its server, which may be another one than before.
    pub(super) async fn open_inspected(
        &self,
        config: &Arc<ConnectionConfig>,
        replicated: &Replicated,
    ) -> Result<Connection, Failure> {
        let connection = self.open(config, None).await?;
        let deadline = Instant::now() + config.connect_timeout();
        if let Some(role) = inspect(&connection, config, deadline).await? {
            if self.may_be_replica() && is_replica(&role) {
                return Err(Failure::Unreachable(replica()));
            }
            replicated.note(connection.server(), &role);
        }
        config.opened.fetch_add(1, Ordering::Relaxed);
        Ok(connection)
    }
}
