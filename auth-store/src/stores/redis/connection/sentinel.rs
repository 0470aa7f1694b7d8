//! [`Sentinels`], which name the current primary of a service.
//!
//! A named server that reports another role than primary is rejected.

use std::sync::Arc;

use parking_lot::Mutex;
use redis::{ErrorKind, FromRedisValue, RedisError};
use tokio::time::Instant;

use super::config::ConnectionConfig;
use super::failure::Failure;
use super::inspect::{is_primary, role};
use super::open::{PushHandler, open, open_sentinel};
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

/// The Sentinels of a service.
pub(super) struct Sentinels {
    service: String,
    /// The Sentinel that answered last is the first.
    endpoints: Mutex<Vec<Endpoint>>,
    config: Arc<ConnectionConfig>,
}

impl Sentinels {
    pub(super) fn new(
        endpoints: Vec<Endpoint>,
        service: String,
        config: Arc<ConnectionConfig>,
    ) -> Self {
        Self { service, endpoints: Mutex::new(endpoints), config }
    }

    /// Opens a connection to the server that a Sentinel calls the primary, if the server agrees.
    pub(super) async fn open(&self, on_push: Option<PushHandler>) -> Result<Connection, Failure> {
        let endpoints = self.endpoints.lock().clone();
        let mut last = unknown("no Sentinel knows the service");
        for sentinel in endpoints {
            match self.primary_by(&sentinel, on_push.clone()).await {
                Ok(connection) => {
                    self.prefer(&sentinel);
                    return Ok(connection);
                }
                Err(error) => last = error,
            }
        }
        Err(Failure::Unreachable(last))
    }

    async fn primary_by(
        &self,
        sentinel: &Endpoint,
        on_push: Option<PushHandler>,
    ) -> Result<Connection, RedisError> {
        let primary = self.named_by(sentinel).await?;
        let primary = open(&primary, &self.config, on_push).await?;
        let deadline = Instant::now() + self.config.connect_timeout();
        match primary.ask(&role(), deadline).await {
            Ok(role) if !is_primary(&role) => {
                Err(unknown("the named server is not a primary any more"))
            }
            // Without the right to `ROLE`, a wrong server is detected by the first write.
            Ok(_) | Err(Failure::Refused(_)) => Ok(primary),
            Err(failure) => Err(cause(failure)),
        }
    }

    /// Returns the server that this Sentinel calls the primary.
    async fn named_by(&self, sentinel: &Endpoint) -> Result<Endpoint, RedisError> {
        let within = self.config.connect_timeout() / 3;
        let deadline = Instant::now() + within;
        let connection = open_sentinel(sentinel, &self.config, within).await?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let answer = connection.ask(&ask, deadline).await.map_err(cause)?;
        match <(String, u16)>::from_redis_value(answer) {
            Ok((host, port)) => Ok(Endpoint { host, port }),
            Err(_) => Err(unknown("the Sentinel does not know the service")),
        }
    }

    /// Returns whether the Sentinels still call this server the primary. A server that was replaced while
    /// it hung accepts writes for some seconds more when it is back.
    pub(super) async fn confirm(&self, server: &Endpoint) -> Result<bool, Failure> {
        let endpoints = self.endpoints.lock().clone();
        let mut last = unknown("no Sentinel knows the service");
        for sentinel in endpoints {
            match self.named_by(&sentinel).await {
                Ok(primary) => {
                    self.prefer(&sentinel);
                    return Ok(primary == *server);
                }
                Err(error) => last = error,
            }
        }
        Err(Failure::Unreachable(last))
    }

    fn prefer(&self, sentinel: &Endpoint) {
        let mut endpoints = self.endpoints.lock();
        if let Some(at) = endpoints.iter().position(|endpoint| endpoint == sentinel) {
            endpoints[..=at].rotate_right(1);
        }
    }
}

fn unknown(what: &'static str) -> RedisError {
    (ErrorKind::MasterNameNotFoundBySentinel, what).into()
}

fn cause(failure: Failure) -> RedisError {
    match failure {
        Failure::Unreachable(error) | Failure::Lost(error) | Failure::Refused(error) => error,
        Failure::Evicting(_) | Failure::Shortfall { .. } => unknown("the primary cannot be used"),
    }
}
