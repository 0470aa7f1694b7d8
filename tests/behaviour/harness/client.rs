//! A client with a cookie jar, as a browser or an app has one.

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

/// The address that clients believe to speak to: the jar sends `Secure` cookies there.
pub(crate) const ORIGIN: &str = "https://shop.example";
const HOST: &str = "shop.example";

/// A client. A clone is another tab of the same browser.
#[derive(Clone)]
pub(crate) struct Client {
    server: SocketAddr,
    transport: Transport,
    held: Arc<Mutex<Held>>,
}

#[derive(Clone, Default)]
struct Held {
    jar: CookieStore,
    token: Option<String>,
}

impl Client {
    /// A client that holds nothing, and signs in by `transport`.
    pub(crate) fn new(server: SocketAddr, transport: Transport) -> Self {
        Self { server, transport, held: Arc::default() }
    }

    /// The same with nothing but this credential.
    pub(crate) fn holding(self, credential: &Credential) -> Self {
        {
            let held = &mut *self.held.lock();
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

    /// The same browser after its page was loaded anew: it has its cookies, and no token any more.
    pub(crate) fn reloaded(&self) -> Self {
        let held = Held { token: None, ..self.held.lock().clone() };
        Self { held: Arc::new(Mutex::new(held)), ..self.clone() }
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

    /// Signs in by this client's carrier.
    pub(crate) async fn login(&self, login: impl Into<Login>) -> Reply {
        self.post("/login").json(&login.into().via(self.transport)).await
    }

    /// Signs in, and says which credential the client has then.
    pub(crate) async fn signed_in(&self, login: impl Into<Login>) -> Credential {
        let reply = self.login(login).await;
        assert!(reply.status.is_success(), "{reply:?}");
        self.credential().expect("a sign-in gives a credential")
    }

    /// Renews by the client's own credential, and says which one it has then.
    pub(crate) async fn refreshed(&self) -> Credential {
        let reply = self.post("/refresh").await;
        assert!(reply.status.is_success(), "{reply:?}");
        self.credential().expect("a refresh gives a credential")
    }

    /// The credential that the client sends.
    pub(crate) fn credential(&self) -> Option<Credential> {
        let held = self.held.lock();
        let cookie = |name: &str| Some(held.jar.get(HOST, "/", name)?.value().to_owned());
        Credential::of(held.token.as_deref(), cookie(SESSION), cookie(REFRESH))
    }

    /// What the jar sends to this path.
    pub(crate) fn cookies(&self, path: &str) -> String {
        let held = self.held.lock();
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

/// A request about to be sent: await it.
pub(crate) struct Call {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// Adds a header. A `Cookie` or `Authorization` stands in the place of the client's own.
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
        if let Some(token) = &self.client.held.lock().token
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
        client.keep(&reply, &url);
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
    /// Keeps what a response hands out, and lets go of what it takes away.
    fn keep(&self, reply: &Reply, url: &Url) {
        let mut held = self.held.lock();
        for cookie in reply.set_cookies() {
            // Taking away what is not there is an error to the jar, and none to a browser.
            let _ = held.jar.parse(cookie, url);
        }
        let json: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        if let Some(token) = json["access_token"].as_str() {
            held.token = Some(token.to_owned());
        }
    }
}
