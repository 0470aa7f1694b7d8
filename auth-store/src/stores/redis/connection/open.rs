//! Opening a connection: TCP, TLS if the URL demands it, and the login.
//!
//! The connections to Sentinels are opened here as well, with their own user and password.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo, RedisError,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::config::ConnectionConfig;
use super::failure::timed_out;
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

#[cfg(feature = "redis-tls")]
pub(in crate::stores::redis) use super::tls::Tls;

/// Handles messages that the server pushes. The last one is a `Disconnection`.
pub(super) type PushHandler = Arc<dyn Fn(PushInfo) + Send + Sync>;

/// Opens a connection to a server that stores sign-ins, and logs in.
pub(super) async fn open(
    endpoint: &Endpoint,
    config: &ConnectionConfig,
    on_push: Option<PushHandler>,
) -> Result<Connection, RedisError> {
    let login = login(config.user.as_deref(), config.password.as_deref());
    let login = login.set_db(config.database);
    connect(endpoint, config, login, on_push, config.connect_timeout()).await
}

/// Opens a connection to a Sentinel, and logs in.
pub(super) async fn open_sentinel(
    endpoint: &Endpoint,
    config: &ConnectionConfig,
    within: Duration,
) -> Result<Connection, RedisError> {
    let login = login(config.sentinel_user.as_deref(), config.sentinel_password.as_deref());
    connect(endpoint, config, login, None, within).await
}

fn login(user: Option<&str>, password: Option<&str>) -> RedisConnectionInfo {
    let mut login = RedisConnectionInfo::default();
    if let Some(user) = user {
        login = login.set_username(user);
    }
    if let Some(password) = password {
        login = login.set_password(password);
    }
    login
}

async fn connect(
    endpoint: &Endpoint,
    config: &ConnectionConfig,
    mut login: RedisConnectionInfo,
    on_push: Option<PushHandler>,
    within: Duration,
) -> Result<Connection, RedisError> {
    let connect = async {
        let stream = stream(endpoint, config.tls.as_ref()).await?;
        // Every step has a deadline of its own.
        let mut config = AsyncConnectionConfig::new().set_response_timeout(None);
        if let Some(on_push) = on_push.clone() {
            login = login.set_protocol(ProtocolVersion::RESP3);
            config = config.set_push_sender(move |push| {
                on_push(push);
                Ok::<_, ()>(())
            });
        }
        let (inner, driver) =
            MultiplexedConnection::new_with_config(&login, stream, config).await?;
        let driver = async move {
            driver.await;
            if let Some(on_push) = on_push {
                on_push(PushInfo { kind: PushKind::Disconnection, data: Vec::new() });
            }
        };
        Ok(Connection::new(inner, tokio::spawn(driver), endpoint.clone()))
    };
    timeout(within, connect).await.unwrap_or_else(|_| Err(timed_out("no connection in time")))
}

/// A byte stream to a server, with or without TLS.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

async fn stream(endpoint: &Endpoint, tls: Option<&Tls>) -> Result<Box<dyn ByteStream>, RedisError> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => tls.wrap(&endpoint.host, stream).await,
    }
}

/// TLS without the feature `redis-tls`: there is no value.
#[cfg(not(feature = "redis-tls"))]
#[derive(Clone, Debug)]
pub(in crate::stores::redis) enum Tls {}

#[cfg(not(feature = "redis-tls"))]
impl Tls {
    pub(in crate::stores::redis) fn failed(_error: &RedisError) -> bool {
        false
    }

    async fn wrap(
        &self,
        _host: &str,
        _stream: TcpStream,
    ) -> Result<Box<dyn ByteStream>, RedisError> {
        match *self {}
    }
}
