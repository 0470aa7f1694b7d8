//! A secret of one kind is worth nothing as another, and a public id is worth nothing at all.

use auth_core::Carrier;

use crate::app::Login;
use crate::harness::{Credential, World};

suite!(every: sec_86_a_known_id_with_made_up_secrets_harms_nobody);

suite!(explicit:
    sec_81_a_token_is_no_cookie,
    sec_81_a_cookie_is_no_token,
);

async fn sec_86_a_known_id_with_made_up_secrets_harms_nobody(world: World) {
    let client = world.client();
    let credential = client.signed_in("alice").await;
    client.post("/cart").body("apple").await;
    for _ in 0..3 {
        let forger = world.holder(&credential.forged());
        assert_eq!(forger.get("/me").await.status, 401);
        assert_eq!(forger.post("/refresh").await.status, 401);
        forger.post("/logout").await;
        forger.post("/logout-everywhere").await;
        forger.post("/cart").body("bait").await;
    }
    assert_eq!(world.status_of(&credential).await, 200);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
}

async fn sec_81_a_token_is_no_cookie(world: World) {
    let token = world.client().signed_in("alice").await;
    let as_cookie = Credential::Cookie(token.secret().to_owned());
    let thief = world.holder(&as_cookie);
    assert_eq!(thief.get("/me").await.status, 401);
    assert_eq!(thief.get("/maybe").await.text(), "nobody");
    assert_eq!(thief.post("/refresh").await.status, 401);
    thief.post("/logout").await;
    assert_eq!(world.status_of(&token).await, 200, "nor does it end the sign-in");
}

async fn sec_81_a_cookie_is_no_token(world: World) {
    let token = world.client().signed_in("alice").await;
    // A cookie of the same store, from a node with the other backend.
    let cookies = world.with_backend(crate::harness::Backend::session()).await;
    assert_eq!(cookies.carrier(), Carrier::Ambient);
    let cookie = cookies.client().signed_in("bob").await;

    let as_token = token.with_secret(cookie.secret());
    assert_eq!(world.status_of(&as_token).await, 401);
    let thief = world.holder(&as_token);
    assert_eq!(thief.post("/refresh").await.status, 401);
    let Credential::Token(text) = as_token else { panic!("{as_token:?}") };
    assert_eq!(world.client().post("/refresh").body(text).await.status, 401);
    let login = Login::from("mallory").via(world.carrier());
    thief.post("/login").json(&login).await;
    assert_eq!(cookies.status_of(&cookie).await, 200);
}
