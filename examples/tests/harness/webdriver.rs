//! A client of W3C `WebDriver`, with the commands that the tests need.

use std::time::Duration;

use http::{Method, Request, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

/// How long a command may take. Starting a browser on a busy machine is the slowest one.
const DEADLINE: Duration = Duration::from_secs(30);
/// The key of an element reference in the protocol.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session with a driver. The browser stops when the value is dropped.
pub(super) struct Session {
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Session {
    /// Starts a browser with the driver at this URL.
    pub(super) fn start(driver: &str, capabilities: &Value) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut session = Self { runtime, client, url: driver.to_owned() };
        let capabilities = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let started = session.post("/session", &capabilities);
        session.url = format!("{driver}/session/{}", started["sessionId"].as_str().unwrap());
        session
    }

    pub(super) fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, Bytes::new()).unwrap()
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, path, body.to_string().into()).unwrap()
    }

    /// Returns the path of the first element that matches the selector.
    pub(super) fn element(&self, css: &str) -> Option<String> {
        let query = json!({ "using": "css selector", "value": css });
        let found = self.post("/elements", &query);
        Some(format!("/element/{}", found.get(0)?[ELEMENT].as_str()?))
    }

    /// Returns the value, or the error that the driver reports.
    fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Value, String> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body)).unwrap();
        let response = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((status, body.to_bytes()))
        };
        let response = self.runtime.block_on(async { timeout(DEADLINE, response).await });
        let (status, body) = response.map_err(|_| format!("{path}: no response"))??;
        let text = || format!("{path}: {}", String::from_utf8_lossy(&body));
        if !status.is_success() {
            return Err(text());
        }
        let mut response: Value = serde_json::from_slice(&body).map_err(|_| text())?;
        Ok(response["value"].take())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.call(Method::DELETE, "", Bytes::new()); // fails if the session has not started
    }
}
