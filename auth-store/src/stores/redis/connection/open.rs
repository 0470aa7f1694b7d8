//! Opening a connection.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, RedisError,
};
use tokio::time::timeout;

use super::failure::timed_out;
use super::settings::ConnectionConfig;
use super::stream::stream;
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

/// Takes what a server says without being asked; the last that it gets is a `Disconnection`.
pub(super) type Ear = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// A connection to a server that keeps sign-ins, logged in.
pub(super) async fn open(
    endpoint: &Endpoint,
    settings: &ConnectionConfig,
    ear: Option<Ear>,
) -> Result<Connection, RedisError> {
    let mut login = RedisConnectionInfo::default().set_db(settings.database);
    if let Some(user) = &settings.user {
        login = login.set_username(user);
    }
    if let Some(password) = &settings.password {
        login = login.set_password(password);
    }
    connect(endpoint, settings, login, ear, settings.connect_timeout()).await
}

/// A connection to a Sentinel.
pub(super) async fn open_sentinel(
    endpoint: &Endpoint,
    settings: &ConnectionConfig,
    within: Duration,
) -> Result<Connection, RedisError> {
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = &settings.sentinel_user {
        login = login.set_username(user);
    }
    if let Some(password) = &settings.sentinel_password {
        login = login.set_password(password);
    }
    connect(endpoint, settings, login, None, within).await
}

async fn connect(
    endpoint: &Endpoint,
    settings: &ConnectionConfig,
    mut login: RedisConnectionInfo,
    ear: Option<Ear>,
    within: Duration,
) -> Result<Connection, RedisError> {
    let connect = async {
        let stream = stream(endpoint, settings.tls.as_ref()).await?;
        // Every step has a deadline of its own.
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
        if let Some(ear) = ear.clone() {
            login = login.set_protocol(ProtocolVersion::RESP3);
            config = config.set_push_sender(move |push| {
                ear(push);
                Ok::<_, ()>(())
            });
        }
        let (inner, driver) =
            MultiplexedConnection::new_with_config(&login, stream, config).await?;
        let driver = async move {
            driver.await;
            if let Some(ear) = ear {
                ear(PushInfo { kind: PushKind::Disconnection, data: Vec::new() });
            }
        };
        Ok(Connection::new(inner, tokio::spawn(driver), endpoint.clone()))
    };
    timeout(within, connect).await.unwrap_or_else(|_| Err(timed_out("no connection in time")))
}
