//! Users of an application with axum-login stay signed in, unless their password has changed.

#[path = "../../../../examples/src/client.rs"]
#[allow(dead_code)]
mod client;

use std::time::Duration;

use auth_session::{Auth, AuthError, Clock, Identity, ManualClock, SessionAuth, Timestamp};
use axum::{
    Router,
    routing::{get, post},
};
use client::TestClient;
use from_axum_login::before::{self, Users};
use from_axum_login::switch::{self, END};
use tower_sessions::MemoryStore;

async fn logout(auth: Auth) -> Result<(), AuthError> {
    auth.sign_out().await
}

/// The new application with the old one's sessions.
fn app(users: &Users, old: &MemoryStore, clock: Clock) -> Router {
    let auth = SessionAuth::new(auth_session::MemoryStore::new()).clock(clock.clone());
    let routes = Router::new()
        .route("/me", get(|user: Identity| async move { user.subject().to_owned() }))
        .route("/logout", post(logout));
    let routes = switch::with_old_sessions(routes, users.clone(), old.clone(), clock);
    routes.layer(auth.optional())
}

fn set_password(users: &Users, hash: &str) {
    users.0.lock().unwrap().insert("alice".to_owned(), hash.to_owned());
}

fn users() -> Users {
    let users = Users::default();
    set_password(&users, "hash of wonderland");
    users
}

async fn alice(users: &Users, old: &MemoryStore) -> TestClient {
    let mut browser = TestClient::new(&before::app(users.clone(), old.clone()));
    assert_eq!(browser.get("/orders").await.status, 307);
    assert_eq!(browser.post("/login", "name=alice&password=guess").await.status, 401);
    assert_eq!(browser.post("/login", "name=alice&password=wonderland").await.status, 204);
    assert_eq!(browser.get("/me").await.body, "alice");
    assert_eq!(browser.get("/orders").await.body, "tea");
    browser
}

fn before_the_end() -> Timestamp {
    END.before(Duration::from_secs(3600))
}

#[tokio::test]
async fn users_stay_signed_in_once() {
    let (users, old) = (users(), MemoryStore::default());
    let app = app(&users, &old, ManualClock::new(before_the_end()).clock());
    let before = alice(&users, &old).await;
    let (mut browser, mut copy) = (before.connected_to(&app), before.connected_to(&app));
    assert_eq!(browser.get("/me").await.body, "alice");
    assert!(browser.cookie("id").is_none());
    assert_eq!(browser.get("/me").await.body, "alice");
    assert_eq!(copy.get("/me").await.status, 401, "a copy of the old cookie");
    browser.post("/logout", "").await;
    assert_eq!(browser.get("/me").await.status, 401);

    let mut browser = alice(&users, &old).await.connected_to(&app);
    browser.post("/logout", "").await;
    assert!(browser.cookie("id").is_none());
    assert_eq!(browser.get("/me").await.status, 401);
}

#[tokio::test]
async fn a_changed_password_ends_old_sessions() {
    let (users, old) = (users(), MemoryStore::default());
    let app = app(&users, &old, ManualClock::new(before_the_end()).clock());
    let mut browser = alice(&users, &old).await.connected_to(&app);
    set_password(&users, "hash of looking-glass");
    assert_eq!(browser.get("/me").await.status, 401);
}

#[tokio::test]
async fn old_sessions_end() {
    let (users, old) = (users(), MemoryStore::default());
    let app = app(&users, &old, ManualClock::new(END).clock());
    assert_eq!(alice(&users, &old).await.connected_to(&app).get("/me").await.status, 401);
}
