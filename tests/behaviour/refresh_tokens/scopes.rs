//! What a refreshed access token permits.

use std::time::Duration;

use http::header;
use serde_json::Value;

use crate::app::{Login, Me, Refresh};
use crate::harness::{Client, Reply, World, claims};

suite!(pair:
    sec_67_a_refresh_never_widens_the_scope,
    sec_67_a_refresh_can_narrow_the_scope,
    sec_22_a_refresh_keeps_when_and_how_the_user_was_authenticated,
    sec_86_a_forged_refresh_token_reveals_no_scope,
    sec_59_a_refreshed_token_contains_the_new_roles,
);

async fn ask_for(client: &Client, scope: &str) -> Reply {
    client.post("/refresh").json(&Refresh::default().scope(scope)).await
}

async fn sec_67_a_refresh_never_widens_the_scope(world: World) {
    let (client, before) = world.sign_in(Login::from("alice").scope("cart")).await;
    for scope in ["reports", "cart reports", "Cart", "*"] {
        let refused = ask_for(&client, scope).await;
        assert_eq!((refused.status.as_u16(), refused.set_cookies().len()), (400, 0), "{scope}");
        assert_eq!(client.get("/reports").await.status, 403);
    }
    assert_eq!(client.credential(), Some(before));
    client.refreshed().await;
    assert_eq!(client.get("/reports").await.status, 403);
    assert_eq!(ask_for(&client, "cart").await.status, 200);
}

/// RFC 6749 section 6: the sign-in keeps its scopes.
async fn sec_67_a_refresh_can_narrow_the_scope(world: World) {
    let (client, wide) = world.sign_in(Login::from("alice").scope("cart").scope("reports")).await;
    assert_eq!(client.get("/reports").await.status, 200);

    let narrowed = ask_for(&client, "cart").await;

    assert_eq!(narrowed.json::<Value>()["scope"], "cart");
    let refused = client.get("/reports").await;
    assert_eq!(refused.status, 403);
    let challenge = refused.header(header::WWW_AUTHENTICATE);
    assert!(challenge.contains(r#"error="insufficient_scope", scope="reports""#), "{challenge}");
    assert_eq!(
        world.client_with(&wide).get("/reports").await.status,
        200,
        "the other token has the wider scope"
    );
    assert_eq!(ask_for(&client, "cart reports").await.status, 200);
    assert_eq!(client.get("/reports").await.status, 200);
}

async fn sec_22_a_refresh_keeps_when_and_how_the_user_was_authenticated(world: World) {
    let (client, old) = world.sign_in(Login::from("alice").acr("aal1").scope("cart")).await;
    let before: Me = client.get("/me").await.json();
    world.advance(Duration::from_secs(1200));

    let new = client.refreshed().await;

    assert_eq!(client.get("/me").await.json::<Me>(), before);
    let (old, new) = (claims(old.text()), claims(new.text()));
    for name in ["auth_time", "acr", "amr", "scope", "sub", "aud", "client_id", "sid", "fam"] {
        assert!(old.contains_key(name) && old[name] == new[name], "{name}: {old:?} {new:?}");
    }
    assert_ne!((&old["iat"], &old["jti"]), (&new["iat"], &new["jti"]));
    assert_eq!(client.get("/step-up").await.status, 401, "a refresh is no authentication");
    assert_eq!(client.get("/strong").await.status, 401);
}

/// A 400 for a scope that was not granted and a 401 for a granted one would reveal the scopes.
async fn sec_86_a_forged_refresh_token_reveals_no_scope(world: World) {
    let credential = world.client().signed_in(Login::from("alice").scope("cart")).await;
    let forger = world.client_with(&credential.forged());
    assert_eq!(ask_for(&forger, "cart").await.status, 401);
    assert_eq!(ask_for(&forger, "reports").await.status, 401);
    let forged = credential.forged();
    let refresh = Refresh::token(forged.refresh().unwrap()).scope("reports");
    assert_eq!(world.client().post("/refresh").json(&refresh).await.status, 401);
}

/// The new roles reach services that only verify tokens.
async fn sec_59_a_refreshed_token_contains_the_new_roles(world: World) {
    let (client, old) = world.sign_in(Login::from("alice").role("buyer")).await;
    let user = crate::app::User { name: "amended".into() };
    let principal = auth_store::encode(&["admin".into()], &user).unwrap();
    auth_store::Store::update_subject(&*world.store, "alice", &principal).await.unwrap();
    let new = client.refreshed().await;
    assert_eq!(claims(old.text())["roles"], serde_json::json!(["buyer"]));
    assert_eq!(claims(new.text())["roles"], serde_json::json!(["admin"]));
    assert_eq!(claims(new.text())["name"], "amended");
}
