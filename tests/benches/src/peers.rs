//! The peers with cookies: tower-sessions and axum-login.
//!
//! Each has its own memory store and is configured as its documentation shows. The handlers do the same
//! as those of our cases.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use http::{HeaderValue, Request, Response, header};
use tower::{Layer, Service, service_fn};
use tower_sessions::session::Record;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer, SessionStore};

use crate::drive::{Body, Case, bare, ok, poll_now};
use crate::ours::{User, first_pair};

/// tower-sessions: the handler reads one value or nothing, or the request has no cookie.
pub fn tower_sessions_cases(sessions: usize) -> [Case; 3] {
    let store = MemoryStore::default();
    let user = |number| serde_json::json!({ "name": format!("user-{number}") });
    let cookie = |number: usize| {
        let expiry_date = tower_sessions::cookie::time::OffsetDateTime::now_utc()
            + tower_sessions::cookie::time::Duration::days(1);
        let data = HashMap::from([("user".to_owned(), user(number))]);
        let mut record = Record { id: Default::default(), data, expiry_date };
        poll_now(store.create(&mut record)).unwrap();
        HeaderValue::try_from(format!("id={}", record.id)).unwrap()
    };
    let cookies: Vec<_> = (0..sessions).map(cookie).collect();
    let layer = SessionManagerLayer::new(store.clone());
    let touched = layer.layer(service_fn(reads_value));
    let untouched = layer.layer(service_fn(bare));
    [
        Case::new("tower-sessions: one value", touched, "cookie", &cookies),
        Case::new("tower-sessions: untouched", untouched.clone(), "cookie", &cookies),
        Case::new("tower-sessions: no cookie", untouched, "x-nothing", &cookies),
    ]
}

async fn reads_value(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let session = request.extensions().get::<Session>().unwrap();
    let user = session.get::<User>("user").await.unwrap().unwrap();
    assert!(user.name.starts_with("user-"));
    ok()
}

/// axum-login with tower-sessions: the handler reads the user.
pub fn axum_login_case(users: usize) -> Case {
    let backend = Users(Arc::new((0..users).map(Account::new).collect()));
    let sessions = tower_sessions_14::MemoryStore::default();
    let sessions = tower_sessions_14::SessionManagerLayer::new(sessions);
    let layer = AuthManagerLayerBuilder::new(backend, sessions).build();
    let mut login = layer.layer(service_fn(logs_in));
    let cookie = |number: usize| {
        let request = Request::post("/").extension(number).body(Body::default()).unwrap();
        let response = poll_now(login.call(request)).unwrap();
        first_pair(&response.headers()[header::SET_COOKIE])
    };
    let cookies: Vec<_> = (0..users).map(cookie).collect();
    Case::new("axum-login: the user", layer.layer(service_fn(reads_user)), "cookie", &cookies)
}

async fn logs_in(mut request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let number: usize = *request.extensions().get().unwrap();
    let auth = request.extensions_mut().get_mut::<AuthSession<Users>>().unwrap();
    auth.login(&Account::new(number)).await.unwrap();
    ok()
}

async fn reads_user(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let auth = request.extensions().get::<AuthSession<Users>>().unwrap();
    assert!(auth.user.as_ref().unwrap().user.name.starts_with("user-"));
    ok()
}

#[derive(Clone, Debug)]
struct Account {
    id: usize,
    user: User,
    hash: [u8; 32],
}

impl Account {
    fn new(id: usize) -> Self {
        Self { id, user: User { name: format!("user-{id}") }, hash: [7; 32] }
    }
}

impl AuthUser for Account {
    type Id = usize;
    fn id(&self) -> usize {
        self.id
    }
    fn session_auth_hash(&self) -> &[u8] {
        &self.hash
    }
}

#[derive(Clone, Debug)]
struct Users(Arc<Vec<Account>>);

impl AuthnBackend for Users {
    type User = Account;
    type Credentials = ();
    type Error = Infallible;
    async fn authenticate(&self, (): ()) -> Result<Option<Account>, Infallible> {
        Ok(None)
    }
    async fn get_user(&self, id: &usize) -> Result<Option<Account>, Infallible> {
        Ok(self.0.get(*id).cloned())
    }
}
