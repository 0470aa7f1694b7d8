//! The delivery of refresh tokens: in a cookie, or in the body.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{AuthErrorKind, Authenticator, Transport};
use auth_store::{SignInManager, Store, encode};
use http::Method;
use serde_json::{Value, json};

use crate::app::{Login, Refresh, User};
use crate::harness::{
    Client, Credential, Framework, MINUTE, REFRESH, TestBackend, World, claims, jwt,
};

suite!(pair:
    sec_25_26_27_28_the_refresh_cookie_has_the_secure_attributes,
    sec_23_a_refresh_cookie_is_a_browser_session_cookie_unless_persistent,
    sec_35_a_sign_out_removes_the_refresh_cookie,
    sec_35_no_other_response_removes_the_refresh_cookie,
    sec_34_two_different_refresh_cookies_are_rejected,
    a_refresh_cookie_renews_without_an_access_token,
    a_refresh_token_delivered_in_the_body_is_only_there,
    a_refresh_token_in_the_body_renews_without_a_cookie,
    a_refresh_token_in_the_body_takes_precedence_over_the_cookie,
    a_refresh_by_the_body_does_not_change_the_cookie_of_another_sign_in,
    sec_04_a_cookie_in_its_grace_ends_when_another_user_signs_in,
    a_refresh_that_cannot_be_delivered_does_not_use_up_the_token,
    roles_too_large_for_a_token_are_left_out_of_it,
);

async fn sec_25_26_27_28_the_refresh_cookie_has_the_secure_attributes(world: World) {
    let client = world.client();
    let login = Login::from("alice").via(Transport::Explicit);
    for call in [client.post("/login").json(&login), client.post("/refresh")] {
        let reply = call.await;
        let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        let pair = client.credential().unwrap();
        let token = pair.refresh().unwrap();
        let expected = format!("{REFRESH}={token}; HttpOnly; SameSite=Strict; Secure; Path=/");
        assert_eq!(cookie, expected);
        assert!(token.starts_with("ref_") && token.len() == 4 + 86, "{token}");
        assert!(!reply.text().contains(token));
    }
}

async fn sec_23_a_refresh_cookie_is_a_browser_session_cookie_unless_persistent(world: World) {
    let client = world.client();
    let login = async |remember| client.login(Login::from("alice").remember(remember)).await;
    let browser = login(false).await;
    assert!(!browser.set_cookie(REFRESH).unwrap().contains("Max-Age"), "{browser:?}");
    let device = login(true).await;
    assert!(device.set_cookie(REFRESH).unwrap().contains("Max-Age=86400"), "{device:?}");
    world.advance(Duration::from_secs(1800));
    let refresh = client.post("/refresh").await;
    assert!(
        refresh.set_cookie(REFRESH).unwrap().contains("Max-Age=84600"),
        "the remaining lifetime"
    );
}

async fn sec_35_a_sign_out_removes_the_refresh_cookie(world: World) {
    let removal = "__Host-refresh=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0; Expires=";
    for path in ["/logout", "/logout-everywhere"] {
        let (client, _) = world.sign_in("alice").await;
        let reply = client.post(path).await;
        let [cookie] = reply.set_cookies()[..] else { panic!("{reply:?}") };
        assert!(cookie.starts_with(removal), "{cookie}");
        assert_eq!(client.cookies("/"), "");
        assert_eq!(client.cookies("/refresh"), "");
    }
    assert!(world.client().post("/logout").await.set_cookies().is_empty());
}

/// The browser may have a newer cookie than the request.
async fn sec_35_no_other_response_removes_the_refresh_cookie(world: World) {
    let (client, old) = world.sign_in("alice").await;
    client.signed_in("alice").await;
    let stale = world.client_with(&old);
    for (method, path) in [(Method::GET, "/me"), (Method::GET, "/cart"), (Method::POST, "/refresh")]
    {
        let reply = stale.call(method, path).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0), "{path}");
    }
}

async fn sec_34_two_different_refresh_cookies_are_rejected(world: World) {
    let credential = world.client().signed_in("alice").await;
    let good = credential.refresh().unwrap();
    for cookies in [
        format!("{REFRESH}={good}; a=b; {REFRESH}=planted"),
        format!("{REFRESH}=; {REFRESH}={good}"),
    ] {
        let reply = world.client().post("/refresh").header("cookie", &cookies).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (401, 0), "{cookies}");
    }
    let others = format!("{REFRESH}={good}; a=b; {REFRESH}=\"{good}\"");
    assert_eq!(world.client().post("/refresh").header("cookie", &others).await.status, 200);
}

async fn a_refresh_cookie_renews_without_an_access_token(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let page = client.reloaded();
    assert_eq!(page.get("/maybe").await.text(), "anonymous");
    let new = page.refreshed().await;
    assert_eq!(new.sign_in(), old.sign_in());
    assert_eq!(page.get("/maybe").await.text(), "alice");
}

/// Signs in and returns the pair in the body.
async fn by_body(client: &Client) -> Credential {
    let reply = client.login(Login::from("alice").refresh_in_body()).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 0), "{reply:?}");
    pair(&reply.json())
}

fn pair(body: &Value) -> Credential {
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    Credential::Pair { access: text("access_token"), refresh: text("refresh_token") }
}

async fn a_refresh_token_delivered_in_the_body_is_only_there(world: World) {
    let client = world.client();
    let reply = client.login(Login::from("alice").refresh_in_body()).await;
    let body: Value = reply.json();
    assert_eq!(body.as_object().unwrap().len(), 4);
    assert_eq!(reply.header(http::header::CACHE_CONTROL), "no-store");
    let shown = format!("{:?}", reply.headers);
    for secret in pair(&body).secrets() {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(client.cookies("/"), "");
}

async fn a_refresh_token_in_the_body_renews_without_a_cookie(world: World) {
    let old = by_body(&world.client()).await;
    let app = world.client();
    let reply = app.post("/refresh").json(&Refresh::token(old.refresh().unwrap())).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 0), "{reply:?}");
    let new = pair(&reply.json());
    assert_eq!(new.sign_in(), old.sign_in());
    assert_ne!(new.refresh(), old.refresh());
    assert_eq!(app.get("/me").await.status, 200);

    let secret = new.secret();
    for bad in ["nonsense", "", "ref_", secret, &format!("ses_{secret}"), new.text()] {
        let reply = world.client().post("/refresh").json(&Refresh::token(bad)).await;
        assert_eq!(reply.status, 401, "{bad}");
    }
    assert_eq!(app.post("/refresh").await.status, 401, "the request has no refresh token");
    assert_eq!(world.status_of(&new).await, 200);
}

async fn a_refresh_token_in_the_body_takes_precedence_over_the_cookie(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let reply = client.login(Login::from("alice").refresh_in_body()).await;
    assert!(reply.set_cookie(REFRESH).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert_eq!(client.cookies("/"), "");
    assert_eq!(world.status_of(&old).await, 401);
    let new = pair(&reply.json());
    let renewed = client.post("/refresh").json(&Refresh::token(new.refresh().unwrap())).await;
    assert_eq!(renewed.status, 200);
}

async fn a_refresh_by_the_body_does_not_change_the_cookie_of_another_sign_in(world: World) {
    let app = world.client();
    let refresh = pair(&app.login(Login::from("bob").refresh_in_body()).await.json());
    let (client, _) = world.sign_in("alice").await;
    let token = Refresh::token(refresh.refresh().unwrap());
    let reply = client.post("/refresh").json(&token).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 0), "{reply:?}");
    assert_eq!(client.post("/refresh").await.status, 200, "alice is still signed in");
}

/// One tab refreshes while another signs in as another user.
async fn sec_04_a_cookie_in_its_grace_ends_when_another_user_signs_in(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let cookie = client.cookies("/");
    assert_eq!(client.post("/refresh").await.status, 200);
    let login = Login::from("bob").via(Transport::Explicit);
    let reply = world.client().post("/login").header("cookie", &cookie).json(&login).await;
    assert_eq!(reply.status, 200);
    assert_eq!(world.status_of(&old).await, 401, "alice's sign-in has ended");
    assert_eq!(client.post("/refresh").await.status, 401);
}

/// The claims are too large for a token. When they are fixed, the refresh token still works.
async fn a_refresh_that_cannot_be_delivered_does_not_use_up_the_token(world: World) {
    let (client, pair) = world.sign_in("alice").await;
    let large = encode(&[], &User { name: "x".repeat(9000) }).unwrap();
    world.store.update_subject("alice", &large).await.unwrap();
    assert_eq!(client.post("/refresh").await.status, 413);
    assert_eq!(world.status_of(&pair).await, 200);
    let small = encode(&[], &User::default()).unwrap();
    world.store.update_subject("alice", &small).await.unwrap();
    world.advance(Duration::from_secs(60));
    assert_eq!(client.post("/refresh").await.status, 200, "the refresh token is still valid");
}

/// Regression: a user with too many roles could not refresh, and lost the sign-in.
async fn roles_too_large_for_a_token_are_left_out_of_it(world: World) {
    let world = world.with_short_tokens().await;
    let (client, pair) = world.sign_in("alice").await;
    let manager = SignInManager::new(Arc::clone(&world.store) as Arc<dyn Store>);
    let large = "x".repeat(9000);
    assert_eq!(manager.grant_role("alice", &large).await.unwrap(), 1);
    assert_eq!(manager.grant_role("alice", "admin").await.unwrap(), 1);
    assert_eq!(world.status_of(&pair).await, 200);
    for _ in 0..2 {
        let refreshed = claims(client.refreshed().await.text());
        assert!(refreshed.get("roles").is_none() && refreshed.get("name").is_some());
        assert_eq!(client.get("/admin").await.status, 200, "the store has the roles");
        world.advance(6 * MINUTE);
    }
    manager.revoke_role("alice", &large).await.unwrap();
    assert_eq!(claims(client.refreshed().await.text())["roles"], json!(["admin"]));
}

#[tokio::test]
async fn updated_claims_too_large_for_a_token_are_refused() {
    let world = World::start(TestBackend::jwt(), Framework::Axum).await;
    let (client, _) = world.sign_in("alice").await;
    let amended =
        jwt(&world.setup).update_claims("alice", &[], &User { name: "x".repeat(9000) }).await;
    assert_eq!(amended.unwrap_err().kind(), AuthErrorKind::TooLarge);
    assert_eq!(client.post("/refresh").await.status, 200);
}

#[tokio::test]
async fn a_backend_can_deliver_refresh_tokens_in_the_body_by_default() {
    let build = |setup: &_| jwt(setup).refresh_in_body().erased();
    let world = World::start(TestBackend::by_token(build), Framework::Axum).await;
    let client = world.client();
    let reply = client.login("alice").await;
    assert_eq!(reply.set_cookies().len(), 0, "{reply:?}");
    let refresh = Refresh::token(pair(&reply.json()).refresh().unwrap());
    assert_eq!(client.post("/refresh").json(&refresh).await.set_cookies().len(), 0);
}
