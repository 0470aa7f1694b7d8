//! The protocol that browsers are driven by (W3C `WebDriver`), as far as the tests need it.

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

/// A browser may take so long to start on a busy machine; anything else is much faster.
const DEADLINE: Duration = Duration::from_secs(30);
/// The key under which the protocol keeps the reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A session with a driver. It ends, and the browser with it, when the value goes.
pub(super) struct Session {
    runtime: Runtime,
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Session {
    /// Has the driver at this URL start a browser.
    pub(super) fn start(driver: &str, capabilities: &Value) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let mut session = Self { runtime, client, url: driver.to_owned() };
        let wanted = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let started = session.post("/session", &wanted);
        session.url = format!("{driver}/session/{}", started["sessionId"].as_str().unwrap());
        session
    }

    pub(super) fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, Bytes::new()).unwrap()
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> Value {
        self.call(Method::POST, path, body.to_string().into()).unwrap()
    }

    /// The path of the first element that the selector finds, if there is one.
    pub(super) fn element(&self, css: &str) -> Option<String> {
        let by = json!({ "using": "css selector", "value": css });
        let found = self.post("/elements", &by);
        Some(format!("/element/{}", found.get(0)?[ELEMENT].as_str()?))
    }

    /// The value, or the error that the driver reports.
    fn call(&self, method: Method, path: &str, body: Bytes) -> Result<Value, String> {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Full::new(body)).unwrap();
        let answer = async {
            let answer = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = answer.status();
            let body = answer.into_body().collect().await.map_err(|error| error.to_string())?;
            Ok::<_, String>((status, body.to_bytes()))
        };
        let answer = self.runtime.block_on(async { timeout(DEADLINE, answer).await });
        let (status, body) = answer.map_err(|_| format!("{path}: no answer"))??;
        let text = || format!("{path}: {}", String::from_utf8_lossy(&body));
        if !status.is_success() {
            return Err(text());
        }
        let mut answer: Value = serde_json::from_slice(&body).map_err(|_| text())?;
        Ok(answer["value"].take())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.call(Method::DELETE, "", Bytes::new()); // perhaps it never started
    }
}
