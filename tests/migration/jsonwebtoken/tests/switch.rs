//! Tokens of an application with jsonwebtoken are accepted until they expire.

#[path = "../../../../examples/src/client.rs"]
#[allow(dead_code)]
mod client;

use std::time::Duration;

use auth_jwt::{
    Auth, AuthError, Clock, Identity, JwtAuth, Key, ManualClock, MemoryStore, Principal, SignedIn,
    Timestamp,
};
use axum::{
    Router,
    routing::{get, post},
};
use client::TestClient;
use from_jsonwebtoken::{before, switch};

const HOUR: Duration = Duration::from_secs(3600);

async fn login(auth: Auth) -> Result<SignedIn, AuthError> {
    auth.sign_in(Principal::new("alice")).await
}

fn app(end: Timestamp, clock: Clock) -> Router {
    let new = JwtAuth::new(Key::hs256([7; 32]).unwrap())
        .issuer("https://shop.example")
        .audience("shop")
        .sign_in(MemoryStore::new())
        .clock(clock.clone());
    Router::new()
        .route("/login", post(login))
        .route("/logout", post(|auth: Auth| async move { auth.sign_out().await }))
        .route("/me", get(|user: Identity| async move { user.subject().to_owned() }))
        .layer(switch::layer(new, before::SECRET, end, clock).unwrap())
}

async fn token(client: &mut TestClient) -> String {
    let tokens = client.post("/login", "name=alice&password=wonderland").await.json();
    tokens["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn old_and_new_tokens_are_accepted_until_the_end() {
    let old = before::app();
    assert_eq!(TestClient::new(&old).post("/login", "name=alice&password=guess").await.status, 401);
    let old_token = token(&mut TestClient::new(&old)).await;
    let mut client = TestClient::new(&old).bearer(&old_token);
    assert_eq!(client.get("/me").await.body, "alice");

    // The old application reads the system's clock.
    let time = ManualClock::new(Clock::system().now());
    let end = Timestamp::from_secs(time.now().as_secs() + 10 * 3600);
    let app = app(end, time.clock());
    let mut old_client = client.connected_to(&app);
    assert_eq!(old_client.get("/me").await.body, "alice");

    let mut browser = TestClient::new(&app);
    let new_token = token(&mut browser).await;
    let mut new_client = TestClient::new(&app).bearer(&new_token);
    assert_eq!(new_client.get("/me").await.body, "alice");
    assert_eq!(new_client.post("/logout", "").await.status, 200);
    assert_eq!(new_client.get("/me").await.status, 401, "it ends at once");

    time.advance(9 * HOUR);
    assert_eq!(old_client.get("/me").await.body, "alice");
    time.advance(HOUR);
    assert_eq!(old_client.get("/me").await.status, 401, "the end");
}

/// What the old secret signs is not accepted with the names of the new application.
#[tokio::test]
async fn the_old_secret_signs_no_new_tokens() {
    let time = ManualClock::new(Clock::system().now());
    let app = app(Timestamp::MAX, time.clock());
    let claims = serde_json::json!({
        "iss": "https://shop.example", "aud": "shop", "sub": "alice", "exp": time.now().as_secs() + 60,
    });
    let forged = Key::hs256(before::SECRET).unwrap().sign("at+jwt", &claims).unwrap();
    assert_eq!(TestClient::new(&app).bearer(&forged).get("/me").await.status, 401);
}
