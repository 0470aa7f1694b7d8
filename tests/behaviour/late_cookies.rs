//! Cookies that a visitor's cookie must not replace, because they or newer ones may be valid.

use std::future::IntoFuture;
use std::time::Duration;

use auth_core::{SignInId, Transport};
use auth_store::{Secret, SecretKind, SecretMatch, Store, encode};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;

use crate::app::{Login, User};
use crate::harness::{Client, Credential, Fault, Op, Reply, SESSION, TestBackend, World};

suite!(cookie:
    sec_94_a_visitors_cookie_does_not_replace_one_of_several,
    sec_94_a_visitors_cookie_does_not_replace_undecodable_claims,
    sec_94_a_visitors_cookie_does_not_replace_a_secret_of_another_kind,
    sec_94_a_late_request_of_a_visitor_on_another_node_sets_no_cookie,
    sec_94_a_late_request_on_another_node_sets_no_cookie,
    sec_94_a_cookie_that_was_replaced_twice_is_not_replaced,
    sec_94_a_marker_is_stored_before_the_former_sign_in_ends,
    sec_94_an_ended_cookie_that_a_sign_in_replaced_is_not_replaced,
    sec_94_a_cookie_beside_the_token_of_a_sign_in_is_not_replaced,
    sec_94_a_late_request_after_a_sign_out_sets_no_cookie,
    sec_94_a_marker_authenticates_nothing,
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
    world.advance(Duration::from_secs(61));
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

/// Regression: only the latest secret that was replaced was recognized.
async fn sec_94_a_cookie_that_was_replaced_twice_is_not_replaced(world: World) {
    let node = world.with(|_| {}).await;
    let replace = async |client: &Client, refresh: bool| match refresh {
        true => client.refreshed().await,
        false => client.signed_in("alice").await,
    };
    for (first, second) in [(false, false), (true, true), (true, false), (false, true)] {
        let (client, old) = world.sign_in("alice").await;
        replace(&client, first).await;
        let newest = replace(&client, second).await;
        let reply = late(&node, &old).await;
        assert!(reply.set_cookies().is_empty(), "{first} {second}: {reply:?}");
        assert_eq!(world.status_of(&newest).await, 200);
        world.advance(Duration::from_secs(61));
        assert_eq!(late(&node, &old).await.set_cookies().len(), 1, "not late any more");
    }
    let tokens = world.with_backend(TestBackend::session_bearer()).await;
    let (client, old) = world.sign_in("alice").await;
    let cookie = client.cookies("/");
    let login = Login::from("alice").via(Transport::Explicit);
    let token =
        client.at(tokens.port()).post("/login").header("cookie", &cookie).json(&login).await;
    assert_eq!(token.status, 200, "a token for the sign-in of the cookie");
    let login = Login::from("bob").via(Transport::Ambient);
    assert_eq!(client.at(tokens.port()).post("/login").json(&login).await.status, 204);
    assert_sets_no_cookie(&late(&node, &old).await);
}

/// Regression: it was stored afterwards, so that a late request in between got a cookie.
async fn sec_94_a_marker_is_stored_before_the_former_sign_in_ends(world: World) {
    for (op, visits) in [(Op::DeleteIfVersion, true), (Op::Delete, false)] {
        let client = world.client();
        match visits {
            true => assert_eq!(client.post("/cart").body("apple").await.status, 200),
            false => drop(client.signed_in("bob").await),
        }
        let old = client.credential().unwrap();
        world.store.reset_calls();
        world.store.set(op, Fault::Hangs);
        let login = client.post("/login").json(&Login::from("alice").via(world.transport()));
        let login = tokio::spawn(login.into_future());
        world.store.reached(op, 1).await;
        let marker = world.store.marker_id(&old.sign_in());
        assert!(world.store.load(&marker).await.unwrap().is_some(), "{op:?}");
        assert!(world.store.load(&old.sign_in()).await.unwrap().is_some(), "it has not ended");
        world.store.clear_faults();
        assert_eq!(login.await.unwrap().status, 204);
    }
}

/// The browser still sends the cookie of a sign-in that was revoked or has expired, until it gets the new one.
async fn sec_94_an_ended_cookie_that_a_sign_in_replaced_is_not_replaced(world: World) {
    let node = world.with(|_| {}).await;
    let (client, revoked) = world.sign_in("alice").await;
    world.store.revoke_subject("alice").await.unwrap();
    let expired = client.signed_in("alice").await;
    for world in [&world, &node] {
        assert_sets_no_cookie(&late(world, &revoked).await);
    }
    world.advance(Duration::from_secs(24 * 3600));
    client.signed_in("alice").await;
    for world in [&world, &node] {
        assert_sets_no_cookie(&late(world, &expired).await);
    }
    assert_eq!(late(&node, &revoked).await.set_cookies().len(), 1, "not late any more");
    assert_eq!(client.get("/me").await.status, 200);
}

/// A token decides who sends the request, and the sign-in of the cookie beside it ends.
async fn sec_94_a_cookie_beside_the_token_of_a_sign_in_is_not_replaced(world: World) {
    for backend in [TestBackend::session_bearer(), TestBackend::both_by_token()] {
        let node = world.with_backend(backend).await;
        let (_, token) = node.sign_in("bob").await;
        for name in ["alice", "bob"] {
            let (client, old) = world.sign_in("alice").await;
            let client = client.at(node.port());
            let bearer = format!("Bearer {}", token.text());
            let login = Login::from(name).via(Transport::Ambient);
            let login = client.post("/login").header("authorization", &bearer).json(&login);
            assert_eq!(login.await.status, 204);
            assert_ne!(client.credential(), Some(old.clone()));
            assert_sets_no_cookie(&late(&world, &old).await);
        }
    }
}

/// The user has signed out and in again, so that the login did not carry the first cookie.
async fn sec_94_a_late_request_after_a_sign_out_sets_no_cookie(world: World) {
    let node = world.with(|_| {}).await;
    let (client, old) = world.sign_in("alice").await;
    assert_eq!(client.post("/logout").await.status, 204);
    assert_eq!(client.credential(), None);
    client.signed_in("alice").await;
    for world in [&world, &node] {
        assert_sets_no_cookie(&late(world, &old).await);
    }
    assert_eq!(client.get("/me").await.status, 200);
    world.advance(Duration::from_secs(61));
    assert_eq!(late(&node, &old).await.set_cookies().len(), 1, "not late any more");
}

/// Regression: the marker of a cookie was accepted with the cookie's own verifier.
async fn sec_94_a_marker_authenticates_nothing(world: World) {
    let client = world.client();
    client.post("/cart").body("apple").await;
    let old = client.credential().unwrap();
    client.signed_in("alice").await;
    let marker = world.store.load(&world.store.marker_id(&old.sign_in())).await.unwrap().unwrap();
    assert!(marker.is_replaced());
    let secret = URL_SAFE_NO_PAD.decode(old.secret()).unwrap();
    let secret = URL_SAFE_NO_PAD.encode([marker.id.as_bytes(), &secret[16..]].concat());
    let forged = old.with_secret(&secret);
    assert_eq!(forged.sign_in(), marker.id);
    let secret = Secret::parse(secret.as_bytes()).unwrap();
    let now = world.setup.clock.now();
    for kind in [SecretKind::Cookie, SecretKind::Bearer, SecretKind::Refresh] {
        assert_eq!(marker.match_secret(&secret, kind, now), SecretMatch::Unknown);
    }
    let reply = late(&world, &forged).await;
    assert_eq!(reply.set_cookies().len(), 1, "the forged cookie belongs to no visitor: {reply:?}");
}

async fn sec_94_a_cookie_that_cannot_be_checked_is_not_replaced(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let planted = credential.forged_for(SignInId::from_bytes([7; 16]));
    world.store.set(Op::Load, Fault::Fails);
    assert!(late(&world, &planted).await.is_unavailable());
}

/// Made up, forged, expired, or of a sign-in that has ended.
async fn a_dead_cookie_is_replaced(world: World) {
    let (_, ended) = world.sign_in("alice").await;
    world.store.revoke_subject("alice").await.unwrap();
    let (_, active) = world.sign_in("alice").await;
    let malformed = Credential::Cookie("nonsense".to_owned());
    let made_up = active.forged_for(SignInId::from_bytes([7; 16]));
    for dead in [malformed, made_up, active.forged(), active.tampered(), ended] {
        let reply = late(&world, &dead).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1), "{dead:?}");
    }
    assert_eq!(world.status_of(&active).await, 200);
    world.advance(Duration::from_secs(24 * 3600));
    assert_eq!(late(&world, &active).await.set_cookies().len(), 1, "it has expired");
}
