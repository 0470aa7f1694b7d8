//! Who is the primary, as Sentinels say.

use std::sync::Arc;

use parking_lot::Mutex;
use redis::{ErrorKind, FromRedisValue, RedisError};
use tokio::time::Instant;

use super::failure::Failure;
use super::open::{Ear, open, open_sentinel};
use super::settings::ConnectionConfig;
use super::vet::{is_primary, role};
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

/// The Sentinels of a service.
pub(super) struct Sentinels {
    service: String,
    /// The one that answered last comes first.
    endpoints: Mutex<Vec<Endpoint>>,
    settings: Arc<ConnectionConfig>,
}

impl Sentinels {
    pub(super) fn new(
        endpoints: Vec<Endpoint>,
        service: String,
        settings: Arc<ConnectionConfig>,
    ) -> Self {
        Self { service, endpoints: Mutex::new(endpoints), settings }
    }

    /// A connection to the primary: what the Sentinels call so, if it agrees.
    pub(super) async fn open(&self, ear: Option<Ear>) -> Result<Connection, Failure> {
        let endpoints = self.endpoints.lock().clone();
        let mut last = unknown("no Sentinel knows the service");
        for sentinel in endpoints {
            match self.primary_by(&sentinel, ear.clone()).await {
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
        ear: Option<Ear>,
    ) -> Result<Connection, RedisError> {
        let primary = self.named_by(sentinel).await?;
        let primary = open(&primary, &self.settings, ear).await?;
        let by = Instant::now() + self.settings.connect_timeout();
        match primary.ask(&role(), by).await {
            Ok(role) if !is_primary(&role) => Err(unknown("the primary is one no more")),
            // Who may not ask for the role learns by the first write.
            Ok(_) | Err(Failure::Refused(_)) => Ok(primary),
            Err(failure) => Err(cause(failure)),
        }
    }

    /// Which server this Sentinel calls the primary.
    async fn named_by(&self, sentinel: &Endpoint) -> Result<Endpoint, RedisError> {
        let within = self.settings.connect_timeout() / 3;
        let by = Instant::now() + within;
        let connection = open_sentinel(sentinel, &self.settings, within).await?;
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.service);
        let answer = connection.ask(&ask, by).await.map_err(cause)?;
        match <(String, u16)>::from_redis_value(answer) {
            Ok((host, port)) => Ok(Endpoint { host, port }),
            Err(_) => Err(unknown("the Sentinel does not know the service")),
        }
    }

    /// Whether the Sentinels still call this server the primary. One that was replaced while it hung
    /// takes writes for some seconds more when it is back.
    pub(super) async fn name(&self, server: &Endpoint) -> Result<bool, Failure> {
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
        Failure::Evicting(_) | Failure::Shortfall { .. } => unknown("the primary is not usable"),
    }
}
