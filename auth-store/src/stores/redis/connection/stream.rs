//! A byte stream to a server.

use redis::RedisError;
use tokio::net::TcpStream;

use super::bytes::Bytes;
use crate::stores::redis::url::Endpoint;

#[cfg(feature = "redis-tls")]
pub(in crate::stores::redis) use super::tls::Tls;

/// TLS, which is compiled out.
#[cfg(not(feature = "redis-tls"))]
#[derive(Clone, Debug)]
pub(in crate::stores::redis) enum Tls {}

pub(super) async fn stream(
    endpoint: &Endpoint,
    tls: Option<&Tls>,
) -> Result<Box<dyn Bytes>, RedisError> {
    let stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Box::new(stream)),
        Some(tls) => tls.wrap(&endpoint.host, stream).await,
    }
}

#[cfg(not(feature = "redis-tls"))]
impl Tls {
    pub(in crate::stores::redis) fn failed(_error: &RedisError) -> bool {
        false
    }

    async fn wrap(&self, _host: &str, _stream: TcpStream) -> Result<Box<dyn Bytes>, RedisError> {
        match *self {}
    }
}
