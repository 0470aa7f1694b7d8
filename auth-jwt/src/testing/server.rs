//! [`IssuerServer`], an issuer that serves its discovery document, its keys and introspection over HTTP.
//!
//! It speaks HTTP/1.1 by hand, so that it can also answer as no server should.

use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use auth_core::Claims;
use base64_simd::STANDARD;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::issuer::TestIssuer;
use super::token::TestToken;
use crate::jwt_auth::JwtAuth;
use crate::remote_keys::{RemoteKeys, RemoteKeysBuilder};

/// The path of the key set.
const KEYS: &str = "/jwks";
/// The path of the introspection endpoint.
const INTROSPECTION: &str = "/introspect";
/// The client that may introspect, and its secret.
const CLIENT: [&str; 2] = ["test", "secret"];

/// An issuer over HTTP on this machine, for tests of applications that fetch keys.
///
/// Its tokens and its clock are those of a [`TestIssuer`]. It can refuse connections, answer slowly
/// and answer wrongly: see [`IssuerFault`]. It stops when it is dropped.
///
/// ```
/// use auth_core::Outcome;
/// use auth_jwt::testing::{IssuerFault, IssuerServer};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let server = IssuerServer::start().await.audience("shop");
/// let auth = server.auth(); // JwtAuth::discover, with the audience and the clock of the issuer
///
/// let alice = server.issuer().token("alice").sign();
/// assert!(matches!(auth.verify(alice.as_bytes()).await, Outcome::Authenticated(_)));
///
/// server.fail(IssuerFault::Away); // the keys that were fetched stay valid
/// assert!(matches!(auth.verify(alice.as_bytes()).await, Outcome::Authenticated(_)));
/// # }
/// ```
#[derive(Debug)]
pub struct IssuerServer {
    issuer: TestIssuer,
    shared: Arc<Shared>,
    task: AbortHandle,
}

/// A fault of an [`IssuerServer`]: how it fails to answer correctly.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IssuerFault {
    /// Closes the connection without a response.
    Away,
    /// Reads the request, and never answers.
    Silent,
    /// Sends the head and the first byte of a response, and then nothing.
    SlowBody,
    /// Sends a body that does not end.
    EndlessBody,
    /// Answers with this status and no body.
    Status(u16),
    /// Redirects to this URL.
    Redirect(String),
    /// Answers with this content type, or none, and this body.
    Body(Option<&'static str>, String),
}

struct Shared {
    state: Mutex<State>,
    requests: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    /// By path. The empty path is that of all others.
    faults: HashMap<String, IssuerFault>,
    /// The headers of the responses with keys.
    headers: Vec<(String, String)>,
    /// The key set, if it is not that of the issuer.
    keys: Option<String>,
    /// Members of the discovery document that are not the usual ones.
    document: Vec<(String, Value)>,
    heads: Vec<String>,
    /// The claims of the opaque tokens.
    opaque: HashMap<String, Map<String, Value>>,
    /// The bodies of the requests for introspection.
    introspected: Vec<String>,
}

impl IssuerServer {
    /// Starts an issuer on a free port.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime, or if there is no free port.
    pub async fn start() -> Self {
        Self::start_at("").await
    }

    /// Starts an issuer whose name has this path, such as `/realms/shop`.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime, or if there is no free port.
    pub async fn start_at(path: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let origin = format!("http://{}", listener.local_addr().expect("the socket is bound"));
        let issuer = TestIssuer::new(&format!("{origin}{path}"));
        let requests = watch::Sender::new(0);
        let shared = Arc::new(Shared { state: Mutex::default(), requests });
        let served = (issuer.clone(), Arc::clone(&shared), path.trim_end_matches('/').to_owned());
        let task = tokio::spawn(async move {
            let (issuer, shared, path) = served;
            while let Ok((stream, _)) = listener.accept().await {
                let (issuer, shared) = (issuer.clone(), Arc::clone(&shared));
                let (path, origin) = (path.clone(), origin.clone());
                tokio::spawn(async move {
                    // A client that hangs up is no error.
                    let _ = answer(stream, &issuer, &shared, &path, &origin).await;
                });
            }
        });
        Self { issuer, shared, task: task.abort_handle() }
    }

    /// Sets the audience of the tokens. Defaults to none.
    #[must_use]
    pub fn audience(mut self, audience: &str) -> Self {
        self.issuer = self.issuer.clone().audience(audience);
        self
    }

    /// Returns the issuer: its tokens, its keys and its clock.
    #[must_use]
    pub fn issuer(&self) -> &TestIssuer {
        &self.issuer
    }

    /// Returns the URL of the key set.
    #[must_use]
    pub fn keys_url(&self) -> String {
        let origin = self.issuer.name().splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        origin + KEYS
    }

    /// Returns a backend that [discovers](JwtAuth::discover) this issuer, and uses its audience and its
    /// clock.
    pub fn auth(&self) -> JwtAuth<Claims> {
        self.auth_with(self.keys())
    }

    /// Returns a backend with these keys, and the audience and the clock of the issuer.
    pub fn auth_with(&self, keys: RemoteKeysBuilder) -> JwtAuth<Claims> {
        JwtAuth::new(keys).validation(self.issuer.validation()).clock(self.issuer.clock().clock())
    }

    /// Returns the options of keys that discover this issuer.
    pub fn keys(&self) -> RemoteKeysBuilder {
        RemoteKeys::discover(self.issuer.name())
    }

    /// Answers all requests with this fault, from now on.
    pub fn fail(&self, fault: IssuerFault) {
        self.fail_at("", fault);
    }

    /// Answers requests for this path with this fault, from now on. The key set is at `/jwks`.
    pub fn fail_at(&self, path: &str, fault: IssuerFault) {
        self.shared.state.lock().faults.insert(path.to_owned(), fault);
    }

    /// Answers as an issuer should, from now on.
    pub fn recover(&self) {
        self.shared.state.lock().faults.clear();
    }

    /// Publishes this key set instead of the issuer's own.
    pub fn publish(&self, jwks: impl Into<String>) {
        self.shared.state.lock().keys = Some(jwks.into());
    }

    /// Sets headers of the responses with keys, such as `Cache-Control`. They replace the previous ones.
    pub fn headers(&self, headers: &[(&str, &str)]) {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        self.shared.state.lock().headers = headers.iter().map(owned).collect();
    }

    /// Sets a member of the discovery document.
    pub fn document(&self, member: &str, value: impl Into<Value>) {
        self.shared.state.lock().document.push((member.to_owned(), value.into()));
    }

    /// Issues an opaque token with the claims of this one. Only the introspection endpoint knows them.
    #[must_use]
    pub fn opaque(&self, token: &TestToken) -> String {
        let mut state = self.shared.state.lock();
        let name = format!("opaque-{}", state.opaque.len() + 1);
        state.opaque.insert(name.clone(), token.claims().clone());
        name
    }

    /// Revokes an opaque token.
    pub fn revoke(&self, token: &str) {
        self.shared.state.lock().opaque.insert(token.to_owned(), Map::new());
    }

    /// Returns the URL of the introspection endpoint.
    #[must_use]
    pub fn introspection_url(&self) -> String {
        self.keys_url().replace(KEYS, INTROSPECTION)
    }

    /// Returns the options of this introspection endpoint, with the audience and the clock of the issuer.
    #[cfg(feature = "introspection")]
    pub fn introspection(&self) -> crate::Introspection {
        let [id, secret] = CLIENT;
        crate::Introspection::new(self.introspection_url())
            .client(id, secret)
            .validation(self.issuer.validation())
            .clock(self.issuer.clock().clock())
    }

    /// Returns the bodies of all requests for introspection.
    #[must_use]
    pub fn introspected(&self) -> Vec<String> {
        self.shared.state.lock().introspected.clone()
    }

    /// Returns the number of requests for the key set.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.requests().iter().filter(|head| path_of(head) == KEYS).count()
    }

    /// Returns the heads of all requests, as text.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        self.shared.state.lock().heads.clone()
    }

    /// Waits until this many requests have arrived, since the start.
    pub async fn arrived(&self, requests: usize) {
        let mut arrived = self.shared.requests.subscribe();
        // It fails only if there is no sender, and `self` holds one.
        let _ = arrived.wait_for(|arrived| *arrived >= requests).await;
    }
}

impl Drop for IssuerServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("faults", &self.state.lock().faults).finish_non_exhaustive()
    }
}

/// Reads a request, and answers it.
async fn answer(
    mut stream: TcpStream,
    issuer: &TestIssuer,
    shared: &Shared,
    path: &str,
    origin: &str,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let requested = path_of(&head).to_owned();
    let mut body = vec![0; content_length(&head)];
    stream.read_exact(&mut body).await?;
    let body = String::from_utf8_lossy(&body).into_owned();
    let (fault, response) = {
        let mut state = shared.state.lock();
        let fault = state.faults.get(&requested).or_else(|| state.faults.get("")).cloned();
        let response = if requested == KEYS {
            keys(issuer, &state, &head)
        } else if requested == format!("{path}/.well-known/openid-configuration")
            || requested == format!("/.well-known/oauth-authorization-server{path}")
        {
            document(issuer, &state, origin)
        } else if requested == INTROSPECTION {
            let response = introspection(issuer, &state, &head, &body);
            state.introspected.push(body);
            response
        } else {
            status(404)
        };
        state.heads.push(head);
        (fault, response)
    };
    shared.requests.send_modify(|requests| *requests += 1);
    let response = match fault {
        None => response,
        Some(IssuerFault::Away) => return Ok(()),
        Some(IssuerFault::Silent) => return std::future::pending().await,
        Some(IssuerFault::SlowBody) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").await?;
            return std::future::pending().await;
        }
        Some(IssuerFault::EndlessBody) => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b' '; 4096]).await?;
            }
        }
        Some(IssuerFault::Status(code)) => status(code),
        Some(IssuerFault::Redirect(to)) => {
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
        }
        Some(IssuerFault::Body(content_type, body)) => {
            let line = content_type.map(|it| format!("Content-Type: {it}\r\n")).unwrap_or_default();
            ok(&line, &body)
        }
    };
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// Returns the path of a request, without its query.
fn path_of(head: &str) -> &str {
    let target = head.split(' ').nth(1).unwrap_or_default();
    target.split('?').next().unwrap_or_default()
}

/// Returns the length of a request's body, up to 64 KiB.
fn content_length(head: &str) -> usize {
    header(head, "content-length").and_then(|value| value.parse().ok()).unwrap_or(0).min(1 << 16)
}

/// Returns the value of a header of a request.
fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn status(code: u16) -> String {
    format!("HTTP/1.1 {code} Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn ok(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// Returns the key set, or 304 if the client has it already.
fn keys(issuer: &TestIssuer, state: &State, head: &str) -> String {
    let body = state.keys.clone().unwrap_or_else(|| issuer.jwks());
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let etag = format!("\"{:x}\"", hasher.finish());
    let mut headers = format!("Content-Type: application/jwk-set+json\r\nETag: {etag}\r\n");
    for (name, value) in &state.headers {
        headers.push_str(&format!("{name}: {value}\r\n"));
    }
    if head.contains(&etag) {
        return format!("HTTP/1.1 304 Not Modified\r\n{headers}Connection: close\r\n\r\n");
    }
    ok(&headers, &body)
}

fn document(issuer: &TestIssuer, state: &State, origin: &str) -> String {
    let mut document = json!({
        "issuer": issuer.name(), "jwks_uri": format!("{origin}{KEYS}"),
        "introspection_endpoint": format!("{origin}{INTROSPECTION}"),
    });
    for (member, value) in &state.document {
        document[member] = value.clone();
    }
    ok("Content-Type: application/json\r\n", &document.to_string())
}

/// Returns what the introspection endpoint says about the token in this form.
fn introspection(issuer: &TestIssuer, state: &State, head: &str, body: &str) -> String {
    let credentials = STANDARD.encode_to_string(CLIENT.join(":"));
    if header(head, "authorization") != Some(&format!("Basic {credentials}")) {
        return status(401);
    }
    let token = body.split('&').find_map(|pair| pair.strip_prefix("token=")).unwrap_or_default();
    let (now, claims) = (issuer.clock().clock().now().as_secs(), state.opaque.get(token));
    let is_active = |claims: &&Map<String, Value>| {
        !claims.is_empty() && claims.get("exp").and_then(Value::as_u64).is_none_or(|exp| now < exp)
    };
    let mut answer = json!({ "active": false });
    if let Some(claims) = claims.filter(is_active) {
        answer = Value::Object(claims.clone());
        answer["active"] = json!(true);
        answer["token_type"] = json!("Bearer");
    }
    ok("Content-Type: application/json\r\n", &answer.to_string())
}
