//! A service that only verifies: it has the key of the tokens, and no store.

use std::time::Duration;

use auth_core::{Authenticator, Transport};
use auth_jwt::{JwtAuth, Key};

use crate::app::{Login, Me};
use crate::harness::{Auth, Backend, Credential, Fault, Framework, Setup, World};

/// The shop, whose access tokens last as long as they do by default.
async fn shop() -> World {
    let world = World::start(Backend::jwt(), Framework::Axum).await;
    world.with(|setup| setup.access_lifetime = Some(Duration::from_secs(300))).await
}

/// Another service.
async fn elsewhere(shop: &World) -> World {
    shop.with_backend(Backend { transport: Transport::Explicit, build: verifier }).await
}

fn verifier(setup: &Setup) -> Auth {
    let key = Key::from(Key::hs256([7; 32]).unwrap());
    JwtAuth::new(key).audience("shop").claims().clock(setup.clock.clone()).erased()
}

#[tokio::test]
async fn sec_76_a_verifier_needs_no_store() {
    let shop = shop().await;
    let service = elsewhere(&shop).await;
    let login = Login::from("alice").role("buyer").scope("reports").acr("aal2");
    let token = shop.client().signed_in(login).await;
    shop.store.forget_calls();
    shop.store.set_all(Fault::Fails);

    let client = service.holder(&token);
    let me: Me = client.get("/me").await.json();
    assert_eq!((me.subject.as_str(), me.name.as_str()), ("alice", "ALICE"));
    assert_eq!((me.roles, me.acr.as_deref()), (vec!["buyer".to_owned()], Some("aal2")));
    assert_eq!((me.sign_in, me.authenticated_at), (None, shop.clock.now().as_secs()));
    for path in ["/reports", "/strong", "/step-up"] {
        assert_eq!(client.get(path).await.status, 200, "{path}");
    }
    assert_eq!(client.get("/admin").await.status, 403);
    assert_eq!(service.status_of(&token.tampered()).await, 401);
    assert_eq!(service.status_of(&token.forged()).await, 401);
    assert_eq!(shop.store.all_calls(), 0);
}

/// That is what a short access token is for. Whoever asks the store knows at once.
#[tokio::test]
async fn what_has_ended_is_believed_elsewhere_until_its_token_ends() {
    let shop = shop().await;
    let service = elsewhere(&shop).await;
    let client = shop.client();
    let token = client.signed_in("alice").await;
    client.post("/logout").await;
    assert_eq!(shop.status_of(&token).await, 401);
    assert_eq!(service.status_of(&token).await, 200);
    shop.wait(Duration::from_secs(300 + 10)); // and its leeway
    assert_eq!(service.status_of(&token).await, 401);
}

#[tokio::test]
async fn a_verifier_signs_nobody_in_and_keeps_no_cart() {
    let shop = shop().await;
    let service = elsewhere(&shop).await;
    let token = shop.client().signed_in("alice").await;
    let client = service.holder(&token);
    for path in ["/login", "/refresh", "/logout"] {
        assert_eq!(client.post(path).json(&Login::from("alice")).await.status, 500, "{path}");
    }
    let cart = client.get("/cart").await;
    assert_eq!(cart.status, 500);
    assert!(cart.text().contains("`Session` needs a credential that belongs to a stored sign-in"));
    assert_eq!(client.get("/devices").await.text(), "[]", "none that are known here");
    assert_eq!(shop.status_of(&token).await, 200);
}

/// It cannot ask, so it does not take a refresh token for anybody either.
#[tokio::test]
async fn sec_81_a_refresh_token_is_nobody_elsewhere() {
    let shop = shop().await;
    let service = elsewhere(&shop).await;
    let token = shop.client().signed_in("alice").await;
    let refresh = Credential::Token(token.refresh().unwrap().to_owned());
    assert_eq!(service.status_of(&refresh).await, 401);
}
