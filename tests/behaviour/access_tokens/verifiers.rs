//! A service that only verifies: it has the key of the tokens, and no store.

use std::time::Duration;

use auth_core::Authenticator;
use auth_jwt::{JwtAuth, Key};

use crate::app::{Login, Me};
use crate::harness::{Auth, Credential, Fault, Framework, Setup, TestBackend, World};

/// Returns a shop, and another service that verifies its tokens.
async fn shop_and_service() -> (World, World) {
    let world = World::start(TestBackend::jwt(), Framework::Axum).await;
    let shop = world.with_short_tokens().await;
    let service = shop.with_backend(TestBackend::by_token(verifier)).await;
    (shop, service)
}

fn verifier(setup: &Setup) -> Auth {
    let key = Key::from(Key::hs256([7; 32]).unwrap());
    JwtAuth::new(key).audience("shop").claims().clock(setup.clock.clone()).erased()
}

#[tokio::test]
async fn sec_76_a_verifier_needs_no_store() {
    let (shop, service) = shop_and_service().await;
    let login = Login::from("alice").role("buyer").scope("reports").acr("aal2");
    let token = shop.client().signed_in(login).await;
    shop.store.reset_calls();
    shop.store.set_all(Fault::Fails);

    let client = service.client_with(&token);
    let me: Me = client.get("/me").await.json();
    assert_eq!((me.subject.as_str(), me.name.as_str()), ("alice", "ALICE"));
    assert_eq!((me.roles, me.acr.as_deref()), (vec!["buyer".to_owned()], Some("aal2")));
    assert_eq!((me.sign_in, me.authenticated_at), (None, Some(shop.clock.now().as_secs())));
    for path in ["/reports", "/strong", "/step-up"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/admin").await.status, 403);
    assert_eq!(service.statuses([&token.tampered(), &token.forged()]).await, [401, 401]);
    assert_eq!(shop.store.all_calls(), 0);
}

/// This is why access tokens are short-lived. A service with the store knows at once.
#[tokio::test]
async fn a_verifier_accepts_a_token_of_an_ended_sign_in_until_it_expires() {
    let (shop, service) = shop_and_service().await;
    let (client, token) = shop.sign_in("alice").await;
    client.post("/logout").await;
    assert_eq!(shop.status_of(&token).await, 401);
    assert_eq!(service.status_of(&token).await, 200);
    shop.advance(Duration::from_secs(300 + 60)); // the lifetime and the leeway
    assert_eq!(service.status_of(&token).await, 401);
}

#[tokio::test]
async fn a_verifier_has_no_sign_ins_and_no_carts() {
    let (shop, service) = shop_and_service().await;
    let token = shop.client().signed_in("alice").await;
    let client = service.client_with(&token);
    for path in ["/login", "/refresh", "/logout"] {
        assert_eq!(client.post(path).json(&Login::from("alice")).await.status, 500, "{path}");
    }
    let cart = client.get("/cart").await;
    assert_eq!(cart.status, 500);
    assert!(cart.text().contains("`Session` needs a credential that belongs to a stored sign-in"));
    assert_eq!(client.get("/devices").await.text(), "[]", "the verifier knows no sign-ins");
    assert_eq!(shop.status_of(&token).await, 200);
}

/// A verifier cannot look up a refresh token, so it rejects it.
#[tokio::test]
async fn sec_81_a_refresh_token_is_rejected_by_a_verifier() {
    let (shop, service) = shop_and_service().await;
    let token = shop.client().signed_in("alice").await;
    let refresh = Credential::Token(token.refresh().unwrap().to_owned());
    assert_eq!(service.status_of(&refresh).await, 401);
}
