//! Requests on connections that stay open: many at once, and without the time that curl takes to
//! start.

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

/// A client that keeps no cookies. A clone has the same connections.
#[derive(Clone)]
pub(crate) struct Http(Client<HttpConnector, Full<Bytes>>);

impl Http {
    pub(crate) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// The status, for who sends this header, as `name: value`.
    pub(crate) async fn get(&self, url: &str, header: &str) -> StatusCode {
        self.send(Method::GET, url, header, Bytes::new()).await
    }

    pub(crate) async fn post(&self, url: &str, header: &str) -> StatusCode {
        self.send(Method::POST, url, header, Bytes::new()).await
    }

    pub(crate) async fn post_json(&self, url: &str, header: &str, body: &Value) -> StatusCode {
        self.send(Method::POST, url, header, body.to_string().into()).await
    }

    async fn send(&self, method: Method, url: &str, header: &str, body: Bytes) -> StatusCode {
        self.answer(method, url, Some(header), body).await.expect("there is an answer").status()
    }

    /// The whole answer to JSON, unless there is none within ten seconds.
    pub(crate) async fn answer(
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
        let answer = async {
            let answer = self.0.request(request.body(Full::new(body)).unwrap()).await.ok()?;
            let (head, body) = answer.into_parts();
            // All of it, so that the connection is free.
            Some(Response::from_parts(head, body.collect().await.ok()?.to_bytes()))
        };
        timeout(DEADLINE, answer).await.ok()?
    }
}
