//! The cases of `SessionAuth`, with a `MemoryStore` unless another store is given.
//!
//! The users sign in by requests before the measurement, so the store has what it would have in
//! production.

use std::convert::Infallible;
use std::sync::Arc;

use auth_core::{Auth, AuthLayer, Claims, Identity, Principal};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session, Store};
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
    store: Arc<dyn Store>,
    cookies: Vec<HeaderValue>,
}

impl Ours {
    /// Signs in this many users by requests, each with one value in the session.
    pub fn with(sign_ins: usize) -> Self {
        Self::over(Arc::new(MemoryStore::new()), sign_ins)
    }

    /// Does the same in this store.
    pub fn over(store: Arc<dyn Store>, sign_ins: usize) -> Self {
        let mut login = Self::signed_in_by(&store).layer(service_fn(login));
        let cookies = (0..sign_ins).map(|number| cookie(&mut login, number)).collect();
        Self { store, cookies }
    }

    /// Does the same without values in the sessions.
    pub fn without_values(store: Arc<dyn Store>, sign_ins: usize) -> Self {
        let mut login = Self::signed_in_by(&store).layer(service_fn(signs_in::<User>));
        let cookies = (0..sign_ins).map(|number| cookie(&mut login, number)).collect();
        Self { store, cookies }
    }

    fn signed_in_by(store: &Arc<dyn Store>) -> AuthLayer<SessionAuth<User>> {
        SessionAuth::new(Arc::clone(store)).claims::<User>().optional()
    }

    /// Returns a store with this many sign-ins, without values in their sessions.
    pub fn bare_sign_ins(sign_ins: usize) -> Arc<MemoryStore> {
        let store = Arc::new(MemoryStore::new());
        let signs_in = service_fn(signs_in::<Claims>);
        let mut login = SessionAuth::new(Arc::clone(&store)).optional().layer(signs_in);
        (0..sign_ins).for_each(|number| drop(cookie(&mut login, number)));
        store
    }

    fn auth(&self) -> SessionAuth<User> {
        SessionAuth::new(Arc::clone(&self.store)).claims::<User>()
    }

    /// The handler reads the identity.
    pub fn identity(&self) -> Case {
        self.identity_named("ours: identity")
    }

    /// The same under another name, for comparing stores.
    pub fn identity_named(&self, name: &'static str) -> Case {
        let service = self.auth().layer(service_fn(reads_identity));
        Case::new(name, service, "cookie", &self.cookies)
    }

    /// The handler signs the user out.
    pub fn sign_out(&self) -> Case {
        let service = self.auth().layer(service_fn(signs_out));
        Case::new("ours: sign out", service, "cookie", &self.cookies)
    }

    /// Returns the same users with another store, which has the same sign-ins.
    pub fn moved_to(&self, store: Arc<dyn Store>) -> Self {
        Self { store, cookies: self.cookies.clone() }
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

    /// The handler reads nothing. The request is authenticated nevertheless.
    pub fn untouched(&self) -> Case {
        let service = self.auth().layer(service_fn(bare));
        Case::new("ours: untouched", service, "cookie", &self.cookies)
    }

    /// The request has no cookie.
    pub fn no_cookie(&self) -> Case {
        let service = self.auth().optional().layer(service_fn(bare));
        Case::new("ours: no cookie", service, "x-nothing", &self.cookies)
    }

    /// There is no layer.
    pub fn bare(&self) -> Case {
        Case::new("bare service", service_fn(bare), "cookie", &self.cookies)
    }
}

/// Signs in with a request, and returns the cookie.
fn cookie<S>(login: &mut S, number: usize) -> HeaderValue
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    let request = Request::post("/").extension(number).body(Body::default()).unwrap();
    let response = poll_now(login.call(request)).unwrap();
    first_pair(&response.headers()[header::SET_COOKIE])
}

/// Returns `name=value` of a `Set-Cookie` header.
pub fn first_pair(cookie: &HeaderValue) -> HeaderValue {
    let pair = cookie.to_str().unwrap().split(';').next().unwrap();
    HeaderValue::from_str(pair).unwrap()
}

async fn login(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let number: usize = *request.extensions().get().unwrap();
    let auth = Auth::<User>::of(&request).unwrap();
    let principal = Principal::new(format!("user-{number:07}")).role("buyer");
    let principal = principal.claims(User::named(number));
    Session::of(request.extensions()).unwrap().insert("cart", &3u32).unwrap();
    let _ = auth.sign_in(principal).await.unwrap();
    ok()
}

async fn signs_in<C: Named>(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let number: usize = *request.extensions().get().unwrap();
    let auth = Auth::<C>::of(&request).unwrap();
    let principal = Principal::new(format!("user-{number:07}")).role("buyer");
    let _ = auth.sign_in(principal.claims(C::named(number))).await.unwrap();
    ok()
}

/// Claims that can be made for the user with this number.
trait Named: Send + Sync + 'static {
    fn named(number: usize) -> Self;
}

impl Named for Claims {
    fn named(_: usize) -> Self {
        Self::default()
    }
}

impl Named for User {
    fn named(number: usize) -> Self {
        Self { name: format!("user-{number}") }
    }
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

async fn signs_out(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    Auth::<User>::of(&request).unwrap().sign_out().await.unwrap();
    ok()
}

async fn updates_session(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let session = Session::of(request.extensions()).unwrap();
    session.update("visits", |visits: &mut u32| *visits += 1).unwrap();
    ok()
}
