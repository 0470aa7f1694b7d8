//! A client that keeps its connections open, for many requests and for short delays: starting curl
//! takes longer than a request.

use std::time::Duration;

use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(10);

/// A client that keeps no cookies. Clones share its connections.
#[derive(Clone)]
pub(crate) struct Http(Client<HttpConnector, Full<Bytes>>);

impl Http {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Sends GET with this header line, and returns the status.
    pub(crate) async fn get(&self, url: &str, header: &str) -> StatusCode {
        self.status(Method::GET, url, header, Bytes::new()).await
    }

    pub(crate) async fn post(&self, url: &str, header: &str) -> StatusCode {
        self.status(Method::POST, url, header, Bytes::new()).await
    }

    pub(crate) async fn post_json(&self, url: &str, header: &str, body: &Value) -> StatusCode {
        self.status(Method::POST, url, header, body.to_string().into()).await
    }

    async fn status(&self, method: Method, url: &str, header: &str, body: Bytes) -> StatusCode {
        self.send(method, url, Some(header), body).await.expect("a response").status()
    }

    /// Sends JSON, and returns the complete response. Returns `None` after ten seconds, or if the
    /// connection fails.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        header: Option<&str>,
        body: Bytes,
    ) -> Option<Response<Bytes>> {
        let mut request = Request::builder().method(method).uri(url);
        if let Some((name, value)) = header.map(|header| header.split_once(": ").unwrap()) {
            request = request.header(name, value);
        }
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.request(request.body(Full::new(body)).unwrap()).await
    }

    /// Sends any request, as [`send`](Self::send) does.
    pub(crate) async fn request(&self, request: Request<Full<Bytes>>) -> Option<Response<Bytes>> {
        let response = async {
            let response = self.0.request(request).await.ok()?;
            let (head, body) = response.into_parts();
            // Reads the whole body, so that the connection can be reused.
            Some(Response::from_parts(head, body.collect().await.ok()?.to_bytes()))
        };
        timeout(DEADLINE, response).await.ok()?
    }
}
