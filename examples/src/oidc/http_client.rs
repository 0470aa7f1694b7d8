//! The HTTP client for the requests to the provider: hyper with rustls.
//!
//! It follows no redirect, so that an answer comes from the address that was meant.

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::Duration;

use auth_core::BoxError;
use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use tokio::time::timeout;

/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The size limit of a response's body, in bytes.
const MAX_BODY: usize = 256 * 1024;

/// Sends requests over TLS, and over plain HTTP to this machine only.
#[derive(Clone)]
pub(super) struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpClient {
    /// Creates a client that trusts the certificate authorities of the system.
    pub(super) fn new() -> std::io::Result<Self> {
        let connector = HttpsConnectorBuilder::new().with_native_roots()?;
        let connector = connector.https_or_http().enable_http1().build();
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, BoxError> {
        if !is_trustworthy(request.uri()) {
            return Err("plain HTTP is for addresses of this machine only".into());
        }
        let (head, body) = request.into_parts();
        let response = self.0.request(Request::from_parts(head, Full::from(body))).await?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await?;
        Ok(Response::from_parts(head, body.to_bytes().into()))
    }
}

/// Returns whether requests to this address are protected: by TLS, or because they do not leave this machine.
pub(super) fn is_trustworthy(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_loopback = address.map_or(host == "localhost", |address| address.is_loopback());
    uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && is_loopback)
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async {
            let response = timeout(TIMEOUT, self.send(request)).await;
            response.unwrap_or_else(|elapsed| Err(elapsed.into())).map_err(HttpError)
        })
    }
}

/// Why there is no response.
#[derive(Debug)]
pub(super) struct HttpError(BoxError);

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the provider cannot be reached")
    }
}

impl std::error::Error for HttpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for (uri, expected) in [
            ("https://login.example/", true),
            ("http://localhost:1/", true),
            ("http://127.0.0.1:1/", true),
            ("http://[::1]:1/", true),
            ("http://login.example/", false),
            ("http://localhost.example/", false),
            ("http://192.0.2.1/", false),
            ("ftp://localhost/", false),
            ("/", false),
        ] {
            assert_eq!(is_trustworthy(&uri.parse().unwrap()), expected, "{uri}");
        }
    }
}
