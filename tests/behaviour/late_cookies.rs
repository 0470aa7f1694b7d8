//! Cookies that a visitor's cookie must not replace, because they or newer ones may be valid.

use auth_core::SignInId;
use auth_store::{Store, encode};

use crate::app::User;
use crate::harness::{Credential, Fault, Op, Reply, SESSION, TestBackend, World};

suite!(cookie:
    sec_94_a_visitors_cookie_does_not_replace_one_of_several,
    sec_94_a_visitors_cookie_does_not_replace_undecodable_claims,
    sec_94_a_visitors_cookie_does_not_replace_a_secret_of_another_kind,
    sec_94_a_late_request_of_a_visitor_on_another_node_sets_no_cookie,
    sec_94_a_late_request_on_another_node_sets_no_cookie,
    sec_94_a_cookie_that_cannot_be_checked_is_not_replaced,
    a_dead_cookie_is_replaced,
);

/// Stores something with these cookies.
async fn store_with(world: &World, cookies: &str) -> Reply {
    world.client().post("/cart").body("apple").header("cookie", cookies).await
}

async fn late(world: &World, credential: &Credential) -> Reply {
    store_with(world, &format!("{SESSION}={}", credential.text())).await
}

fn assert_sets_no_cookie(reply: &Reply) {
    assert!(reply.set_cookies().is_empty() && !reply.status.is_success(), "{reply:?}");
}

async fn sec_94_a_visitors_cookie_does_not_replace_one_of_several(world: World) {
    let (_, good) = world.sign_in("alice").await;
    let (good, planted) = (good.text(), good.forged());
    for (first, second) in [(planted.text(), good), (good, planted.text())] {
        let reply = store_with(&world, &format!("{SESSION}={first}; {SESSION}={second}")).await;
        assert!(reply.set_cookies().is_empty(), "{reply:?}");
    }
}

/// A deployment has changed the type of the claims.
async fn sec_94_a_visitors_cookie_does_not_replace_undecodable_claims(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let other = encode(&[], &serde_json::json!({ "full_name": "Alice" })).unwrap();
    world.store.update_subject("alice", &other).await.unwrap();
    assert_sets_no_cookie(&late(&world, &credential).await);
    let as_before = encode(&[], &User::default()).unwrap();
    world.store.update_subject("alice", &as_before).await.unwrap();
    assert_eq!(client.get("/me").await.status, 200, "the deployment was undone");
    client.signed_in("alice").await;
}

async fn sec_94_a_visitors_cookie_does_not_replace_a_secret_of_another_kind(world: World) {
    let node = world.with_backend(TestBackend::session_bearer()).await;
    let (_, bearer) = node.sign_in("alice").await;
    for quote in ["", "\""] {
        let cookie = format!("{SESSION}={quote}{}{quote}", bearer.secret());
        assert_sets_no_cookie(&store_with(&world, &cookie).await);
    }
    assert_eq!(node.status_of(&bearer).await, 200);
}

async fn sec_94_a_late_request_of_a_visitor_on_another_node_sets_no_cookie(world: World) {
    let node = world.with(|_| {}).await;
    let client = world.client();
    client.post("/cart").body("apple").await;
    let visitors = client.credential().unwrap();
    client.signed_in("alice").await;
    assert_sets_no_cookie(&late(&node, &visitors).await);
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    world.advance(std::time::Duration::from_secs(61));
    let reply = late(&node, &visitors).await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1), "not late any more");
}

/// The same user has signed in again, or another one, or the cookie was refreshed.
async fn sec_94_a_late_request_on_another_node_sets_no_cookie(world: World) {
    let node = world.with(|_| {}).await;
    for again in ["alice", "bob", ""] {
        let (client, old) = world.sign_in("alice").await;
        if again.is_empty() {
            client.refreshed().await;
        } else {
            client.signed_in(again).await;
        }
        let reply = late(&node, &old).await;
        assert!(reply.set_cookies().is_empty(), "{again}: {reply:?}");
        assert_eq!(client.get("/me").await.status, 200);
    }
}

async fn sec_94_a_cookie_that_cannot_be_checked_is_not_replaced(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let planted = credential.forged_for(SignInId::from_bytes([7; 16]));
    world.store.set(Op::Load, Fault::Fails);
    assert!(late(&world, &planted).await.is_unavailable());
}

/// Made up, forged, expired, or of a sign-in that has ended.
async fn a_dead_cookie_is_replaced(world: World) {
    let (client, ended) = world.sign_in("alice").await;
    let (_, active) = world.sign_in("alice").await;
    assert_eq!(client.post("/logout").await.status, 204);
    let malformed = Credential::Cookie("nonsense".to_owned());
    let made_up = active.forged_for(SignInId::from_bytes([7; 16]));
    for dead in [malformed, made_up, active.forged(), active.tampered(), ended] {
        let reply = late(&world, &dead).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1), "{dead:?}");
    }
    assert_eq!(world.status_of(&active).await, 200);
    world.advance(std::time::Duration::from_secs(24 * 3600));
    assert_eq!(late(&world, &active).await.set_cookies().len(), 1, "it has expired");
}
