//! HTTP clients with a cookie jar, such as a browser or an app.

use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use auth_core::Transport;
use bytes::Bytes;
use cookie_store::CookieStore;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

use super::credential::{Credential, REFRESH, SESSION};
use super::reply::Reply;
use crate::app::Login;

/// The origin that clients use, with `https` so that the jar sends `Secure` cookies.
pub(crate) const ORIGIN: &str = "https://shop.example";
const HOST: &str = "shop.example";

/// A client. A clone shares the cookies, like another tab of the same browser.
#[derive(Clone)]
pub(crate) struct Client {
    server: SocketAddr,
    transport: Transport,
    credentials: Arc<Mutex<ClientCredentials>>,
}

#[derive(Clone, Default)]
struct ClientCredentials {
    jar: CookieStore,
    token: Option<String>,
}

impl Client {
    /// Creates a client without a credential that signs in by `transport`.
    pub(crate) fn new(server: SocketAddr, transport: Transport) -> Self {
        Self { server, transport, credentials: Arc::default() }
    }

    /// Adds a credential to a new client.
    pub(crate) fn with_credential(self, credential: &Credential) -> Self {
        {
            let held = &mut *self.credentials.lock();
            let mut keep = |name: &str, value: &str| {
                let cookie = format!("{name}={value}; Secure; Path=/");
                held.jar.parse(&cookie, &url("/")).unwrap();
            };
            match credential {
                Credential::Token(token) => held.token = Some(token.clone()),
                Credential::Cookie(value) => keep(SESSION, value),
                Credential::Pair { access, refresh } => {
                    keep(REFRESH, refresh);
                    held.token = Some(access.clone());
                }
            }
        }
        self
    }

    /// Returns the same browser with another node, which is at this port.
    pub(crate) fn at(&self, port: u16) -> Self {
        Self { server: SocketAddr::new(self.server.ip(), port), ..self.clone() }
    }

    /// Returns the same browser after a reload of the page, which keeps the cookies and loses the token.
    pub(crate) fn reloaded(&self) -> Self {
        let credentials = ClientCredentials { token: None, ..self.credentials.lock().clone() };
        Self { credentials: Arc::new(Mutex::new(credentials)), ..self.clone() }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        self.call(Method::POST, path)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Call { client: self.clone(), method, path: path.to_owned(), headers, body }
    }

    /// Signs in by the client's transport.
    pub(crate) async fn login(&self, login: impl Into<Login>) -> Reply {
        self.post("/login").json(&login.into().via(self.transport)).await
    }

    /// Signs in and returns the new credential.
    pub(crate) async fn signed_in(&self, login: impl Into<Login>) -> Credential {
        let reply = self.login(login).await;
        assert!(reply.status.is_success(), "{reply:?}");
        self.credential().expect("a sign-in issues a credential")
    }

    /// Refreshes the client's credential and returns the new one.
    pub(crate) async fn refreshed(&self) -> Credential {
        let reply = self.post("/refresh").await;
        assert!(reply.status.is_success(), "{reply:?}");
        self.credential().expect("a refresh issues a credential")
    }

    /// Returns the credential that the client sends.
    pub(crate) fn credential(&self) -> Option<Credential> {
        let held = self.credentials.lock();
        let cookie = |name: &str| Some(held.jar.get(HOST, "/", name)?.value().to_owned());
        Credential::from_parts(held.token.as_deref(), cookie(SESSION), cookie(REFRESH))
    }

    /// Returns the cookies that the jar sends to this path.
    pub(crate) fn cookies(&self, path: &str) -> String {
        let held = self.credentials.lock();
        let pairs: Vec<_> = held
            .jar
            .get_request_values(&url(path))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }
}

fn url(path: &str) -> Url {
    Url::parse(ORIGIN).unwrap().join(path).unwrap()
}

/// A request. Await it to send it.
pub(crate) struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// Adds a header. A `Cookie` or `Authorization` replaces the client's own.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).unwrap();
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub(crate) fn json(self, value: &impl serde::Serialize) -> Self {
        let body = serde_json::to_vec(value).unwrap();
        self.header("content-type", "application/json").body(body)
    }

    fn into_request(mut self) -> Request<Full<Bytes>> {
        let cookies = self.client.cookies(&self.path);
        if !cookies.is_empty() && !self.headers.contains_key(header::COOKIE) {
            self.headers.insert(header::COOKIE, HeaderValue::try_from(cookies).unwrap());
        }
        if let Some(token) = &self.client.credentials.lock().token
            && !self.headers.contains_key(header::AUTHORIZATION)
        {
            let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            self.headers.insert(header::AUTHORIZATION, value);
        }
        self.headers.insert(header::HOST, HeaderValue::from_static(HOST));
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers;
        request
    }

    async fn send(self) -> Reply {
        let (client, url) = (self.client.clone(), url(&self.path));
        let stream = TcpStream::connect(client.server).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let response = sender.send_request(self.into_request()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let reply = Reply { status: head.status, headers: head.headers, body };
        client.store_credentials(&reply, &url);
        reply
    }
}

impl IntoFuture for Call {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl Client {
    /// Stores the credentials in a response, and removes the cookies that it removes.
    fn store_credentials(&self, reply: &Reply, url: &Url) {
        let mut held = self.credentials.lock();
        for cookie in reply.set_cookies() {
            // The jar returns an error for the removal of a cookie that it does not have. A browser does not.
            let _ = held.jar.parse(cookie, url);
        }
        let json: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if let Some(token) = json["access_token"].as_str() {
            held.token = Some(token.to_owned());
        }
    }
}
