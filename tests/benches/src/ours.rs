//! Ours: SessionAuth over MemoryStore.

use std::convert::Infallible;
use std::sync::Arc;

use auth_core::{Auth, Claims, Identity, Principal};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use http::{HeaderValue, Request, Response, header};
use serde::{Deserialize, Serialize};
use tower::{Layer, Service, service_fn};

use crate::drive::{Body, Case, bare, ok, poll_now};

/// The claims that a handler reads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// A display name.
    pub name: String,
}

/// A store with sign-ins, and their cookies.
pub struct Ours {
    store: Arc<MemoryStore>,
    cookies: Vec<HeaderValue>,
}

impl Ours {
    /// Signs in so many users, each with one value in the session, by requests.
    pub fn with(sign_ins: usize) -> Self {
        let store = Arc::new(MemoryStore::new());
        let auth = SessionAuth::new(Arc::clone(&store)).claims::<User>();
        let mut service = auth.optional().layer(service_fn(login));
        let cookie = |number: usize| {
            let request = Request::post("/").extension(number).body(Body::default()).unwrap();
            let response = poll_now(service.call(request)).unwrap();
            first_pair(&response.headers()[header::SET_COOKIE])
        };
        let cookies = (0..sign_ins).map(cookie).collect();
        Self { store, cookies }
    }

    /// A store with so many sign-ins, and nothing stored in their sessions; no cookie is kept.
    pub fn bare_sign_ins(sign_ins: usize) -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new());
        let mut service = SessionAuth::new(Arc::clone(&store)).optional().layer(service_fn(enters));
        for number in 0..sign_ins {
            let request = Request::post("/").extension(number).body(Body::default()).unwrap();
            drop(poll_now(service.call(request)).unwrap());
        }
        store
    }

    fn auth(&self) -> SessionAuth<User> {
        SessionAuth::new(Arc::clone(&self.store)).claims::<User>()
    }

    /// The handler reads the identity.
    pub fn identity(&self) -> Case {
        let service = self.auth().layer(service_fn(reads_identity));
        Case::new("ours: identity", service, "cookie", &self.cookies)
    }

    /// The handler reads the identity and one value of the session.
    pub fn session_value(&self) -> Case {
        let service = self.auth().layer(service_fn(reads_session));
        Case::new("ours: identity and a session value", service, "cookie", &self.cookies)
    }

    /// The handler changes one value of the session.
    pub fn session_update(&self) -> Case {
        let service = self.auth().layer(service_fn(updates_session));
        Case::new("ours: a session value updated", service, "cookie", &self.cookies)
    }

    /// The handler reads nothing; the request is authenticated all the same.
    pub fn untouched(&self) -> Case {
        let service = self.auth().layer(service_fn(bare));
        Case::new("ours: untouched", service, "cookie", &self.cookies)
    }

    /// No cookie comes.
    pub fn no_cookie(&self) -> Case {
        let service = self.auth().optional().layer(service_fn(bare));
        Case::new("ours: no cookie", service, "x-nothing", &self.cookies)
    }

    /// No layer at all.
    pub fn bare(&self) -> Case {
        Case::new("bare service", service_fn(bare), "cookie", &self.cookies)
    }
}

/// `name=value` of a `Set-Cookie` header.
pub fn first_pair(cookie: &HeaderValue) -> HeaderValue {
    let pair = cookie.to_str().unwrap().split(';').next().unwrap();
    HeaderValue::from_str(pair).unwrap()
}

async fn login(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let number: usize = *request.extensions().get().unwrap();
    let auth = Auth::<User>::of(&request).unwrap();
    let user = User { name: format!("user-{number}") };
    let principal = Principal::new(format!("user-{number:07}")).role("buyer").claims(user);
    Session::of(request.extensions()).unwrap().insert("cart", &3u32).unwrap();
    let _ = auth.sign_in(principal).await.unwrap();
    ok()
}

async fn enters(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let number: usize = *request.extensions().get().unwrap();
    let auth = Auth::<Claims>::of(&request).unwrap();
    let _ = auth.sign_in(Principal::new(format!("user-{number:07}")).role("buyer")).await.unwrap();
    ok()
}

async fn reads_identity(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let identity = Identity::<User>::of(request.extensions()).unwrap().unwrap();
    assert!(identity.claims().name.starts_with("user-"));
    ok()
}

async fn reads_session(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let identity = Identity::<User>::of(request.extensions()).unwrap().unwrap();
    assert!(identity.claims().name.starts_with("user-"));
    let session = Session::of(request.extensions()).unwrap();
    assert_eq!(session.get::<u32>("cart").await.unwrap(), Some(3));
    ok()
}

async fn updates_session(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let session = Session::of(request.extensions()).unwrap();
    session.update("visits", |visits: &mut u32| *visits += 1).unwrap();
    ok()
}
