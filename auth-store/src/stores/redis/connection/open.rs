//! Opening a connection.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisError};
use tokio::time::timeout;

use super::failure::timed_out;
use super::settings::Settings;
use super::stream::stream;
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

/// A connection to a server that keeps sign-ins, logged in.
pub(super) async fn open(
    endpoint: &Endpoint,
    settings: &Settings,
) -> Result<Connection, RedisError> {
    let mut login = RedisConnectionInfo::default().set_db(settings.database);
    if let Some(user) = &settings.user {
        login = login.set_username(user);
    }
    if let Some(password) = &settings.password {
        login = login.set_password(password);
    }
    connect(endpoint, settings, login, settings.connect_timeout()).await
}

/// A connection to a Sentinel.
pub(super) async fn open_sentinel(
    endpoint: &Endpoint,
    settings: &Settings,
    within: Duration,
) -> Result<Connection, RedisError> {
    let mut login = RedisConnectionInfo::default();
    if let Some(password) = &settings.sentinel_password {
        login = login.set_password(password);
    }
    connect(endpoint, settings, login, within).await
}

async fn connect(
    endpoint: &Endpoint,
    settings: &Settings,
    login: RedisConnectionInfo,
    within: Duration,
) -> Result<Connection, RedisError> {
    let connect = async {
        let stream = stream(endpoint, settings.tls.as_ref()).await?;
        // Every step has a deadline of its own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (inner, driver) =
            MultiplexedConnection::new_with_config(&login, stream, config).await?;
        Ok(Connection::new(inner, tokio::spawn(driver)))
    };
    timeout(within, connect).await.unwrap_or_else(|_| Err(timed_out("no connection in time")))
}
