//! Where a connection goes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, timeout};

use super::failure::{Failure, timed_out};
use super::followed::Followed;
use super::open::{Ear, open};
use super::sentinel::Sentinels;
use super::settings::ConnectionConfig;
use super::vet::vet;
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

/// A server that stays where it is, or whoever is the primary.
pub(super) enum Place {
    Fixed(Endpoint),
    Primary(Sentinels),
}

impl Place {
    pub(super) async fn open(
        &self,
        settings: &ConnectionConfig,
        ear: Option<Ear>,
    ) -> Result<Connection, Failure> {
        match self {
            Self::Fixed(endpoint) => {
                open(endpoint, settings, ear).await.map_err(Failure::Unreachable)
            }
            // However many Sentinels name a primary that hangs.
            Self::Primary(sentinels) => timeout(settings.timeout * 3 / 4, sentinels.open(ear))
                .await
                .unwrap_or_else(|_| Err(Failure::Unreachable(timed_out("no primary in time")))),
        }
    }

    /// Whether it is another server some day.
    pub(super) fn may_change(&self) -> bool {
        matches!(self, Self::Primary(_))
    }

    /// Whether connections still go to this server.
    pub(super) async fn is_at(&self, server: &Endpoint) -> Result<bool, Failure> {
        match self {
            Self::Fixed(_) => Ok(true),
            Self::Primary(sentinels) => sentinels.name(server).await,
        }
    }

    /// A connection to a server that was looked at, and that may be a new one.
    pub(super) async fn open_vetted(
        &self,
        settings: &Arc<ConnectionConfig>,
        followed: &Followed,
    ) -> Result<Connection, Failure> {
        let connection = self.open(settings, None).await?;
        let by = Instant::now() + settings.connect_timeout();
        if let Some(role) = vet(&connection, settings, by).await? {
            followed.note(connection.server(), &role);
        }
        settings.opened.fetch_add(1, Ordering::Relaxed);
        Ok(connection)
    }
}
