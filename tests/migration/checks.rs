//! What holds for every switch from sessions: how users, visitors and thieves get from the old application to the
//! new one.

#[path = "after.rs"]
pub mod after;
#[path = "../../examples/src/client.rs"]
#[allow(dead_code)]
pub mod client;

use std::time::Duration;

use auth_session::{Clock, ManualClock, SessionAuth, Timestamp};
use axum::Router;

use client::TestClient;

/// The cookie of every old session in these tests.
pub const OLD: &str = "id";
/// The cookie of the new application.
const NEW: &str = "__Host-session";

/// Adds the layer of the new application to its routes.
pub fn with_layer(routes: Router, clock: Clock) -> Router {
    routes.layer(SessionAuth::new(auth_session::MemoryStore::new()).clock(clock).optional())
}

/// Returns a clock one hour before the end of the old sessions.
pub fn before(end: Timestamp) -> Clock {
    ManualClock::new(end.before(Duration::from_secs(3600))).clock()
}

/// Returns a browser that has filled its cart in the old application.
#[allow(dead_code)] // one application has another client
pub async fn visitor(old: &Router) -> TestClient {
    let mut browser = TestClient::new(old);
    browser.post("/cart", "item=tea").await;
    assert_eq!(browser.get("/cart").await.body, r#"["tea"]"#);
    browser
}

/// Returns a browser that has also signed in.
#[allow(dead_code)]
pub async fn alice(old: &Router) -> TestClient {
    let mut browser = visitor(old).await;
    assert_eq!(browser.post("/login", "name=alice&password=guess").await.status, 401);
    assert_eq!(browser.post("/login", "name=alice&password=wonderland").await.status, 204);
    assert_eq!(browser.get("/me").await.body, "alice");
    browser
}

/// A browser that is signed in to the old application stays signed in, with its cart.
pub async fn users_stay_signed_in(old: &TestClient, app: &Router) {
    let mut browser = old.connected_to(app);
    assert_eq!(browser.get("/me").await.body, "alice");
    assert!(browser.cookie(OLD).is_none());
    assert!(browser.cookie(NEW).is_some());
    assert_eq!(browser.get("/me").await.body, "alice");
    assert_eq!(browser.get("/cart").await.body, r#"["tea"]"#);
    browser.post("/cart", "item=cake").await;
    assert_eq!(browser.get("/cart").await.body, r#"["tea","cake"]"#);
    assert_eq!(browser.post("/password", "").await.status, 401, "needs a login");
    browser.post("/logout", "").await;
    assert!(browser.cookie(NEW).is_none());
    assert_eq!(browser.get("/me").await.status, 401);
}

/// The first request of a browser may be the logout.
pub async fn users_can_log_out(old: &TestClient, app: &Router) {
    let mut browser = old.connected_to(app);
    assert_eq!(browser.post("/logout", "").await.status, 200);
    assert!(browser.cookie(OLD).is_none());
    assert!(browser.cookie(NEW).is_none());
    assert_eq!(browser.get("/me").await.status, 401);
}

/// The first request of a browser may be a login, even of another user.
pub async fn users_can_log_in(old: &TestClient, app: &Router) {
    let mut browser = old.connected_to(app);
    browser.post("/login", "name=bob&password=wonderland").await;
    assert_eq!(browser.get("/me").await.body, "bob");
}

/// A visitor keeps the cart, and is not signed in.
pub async fn visitors_keep_their_cart(old: &TestClient, app: &Router) {
    let mut browser = old.connected_to(app);
    assert_eq!(browser.get("/cart").await.body, r#"["tea"]"#);
    assert_eq!(browser.get("/me").await.status, 401);
    assert_eq!(browser.get("/cart").await.body, r#"["tea"]"#);
}

/// Checks that an old cookie is not accepted: it is too late, or the cookie was exchanged before.
pub async fn is_not_accepted(old: &TestClient, app: &Router) {
    let mut browser = old.connected_to(app);
    assert_eq!(browser.get("/me").await.status, 401);
    assert_eq!(browser.get("/cart").await.body, "[]");
    assert!(browser.cookie(NEW).is_none());
}
