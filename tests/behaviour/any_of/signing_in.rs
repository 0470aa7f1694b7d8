//! Signing in and out, where several backends could.

use auth_core::{Authenticator, Transport, any_of};

use super::mixes::{ALIKE, cookie_first, token_first, two_stores, world};
use crate::app::Login;
use crate::harness::{
    Auth, Client, Credential, Fault, Op, REFRESH, SESSION, Setup, World, jwt, session,
};

fn by_token(subject: &str) -> Login {
    Login::from(subject).via(Transport::Explicit)
}

/// One browser with a cookie and a token, of two sign-ins.
async fn with_both(world: &World) -> (Credential, Credential, Client) {
    let (browser, app) = (world.client(), world.client());
    browser.login("alice").await;
    let cookie = browser.credential().unwrap();
    app.post("/login").json(&by_token("alice")).await;
    let token = app.credential().unwrap();
    let both = world.holder(&cookie).holding(&token);
    (cookie, token, both)
}

#[tokio::test]
async fn the_first_backend_with_sign_ins_signs_in_unless_another_is_asked_for() {
    for build in ALIKE {
        let world = world(build).await;
        let client = world.client();
        let reply = client.post("/login").json(&Login::from("alice")).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, 1));
        let reply = world.client().post("/login").json(&by_token("alice")).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookie(SESSION)), (200, None));
    }
    let world = world(token_first).await;
    assert_eq!(world.client().post("/login").json(&Login::from("alice")).await.status, 200);
}

#[tokio::test]
async fn a_sign_out_ends_the_cookie_and_the_token() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = with_both(&world).await;
        let sent = both.cookies("/").split("; ").count();
        let reply = both.post("/logout").await;
        assert_eq!(reply.status, 204);
        assert_eq!(reply.set_cookies().len(), sent, "one removal of each: {reply:?}");
        assert_eq!(both.cookies("/"), "");
        assert_eq!(world.status_of(&cookie).await, 401);
        assert_eq!(world.status_of(&token).await, 401);
        assert_eq!(world.kept().await, 0);
    }
}

#[tokio::test]
async fn a_sign_out_ends_the_sign_ins_of_every_store() {
    let world = world(two_stores).await;
    let (cookie, token, both) = with_both(&world).await;
    assert_eq!(both.post("/logout").await.status, 204);
    assert_eq!(world.status_of(&cookie).await, 401);
    assert_eq!(world.status_of(&token).await, 401);
}

/// The token is sent on purpose and the cookie is not: a request that is refused ends neither.
#[tokio::test]
async fn sec_82_another_site_ends_no_cookie_beside_a_token() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = with_both(&world).await;
        let reply = both.post("/logout").header("sec-fetch-site", "cross-site").await;
        assert_eq!(reply.status, 403);
        assert!(reply.set_cookies().is_empty());
        assert_eq!(world.status_of(&cookie).await, 200);
        assert_eq!(world.status_of(&token).await, 200);
    }
}

/// The session's half has no cookie to protect, and would end the token's sign-in.
#[tokio::test]
async fn sec_82_a_sign_out_that_one_backend_refuses_ends_nothing() {
    let orders: [fn(&Setup) -> Auth; 2] = [
        |setup| any_of((session(setup), jwt(setup))).erased(),
        |setup| any_of((jwt(setup), session(setup))).erased(),
    ];
    for build in orders {
        let world = world(build).await;
        let client = world.client();
        client.post("/login").json(&by_token("alice")).await;
        let pair = client.credential().unwrap();
        let reply = client.post("/logout").header("sec-fetch-site", "cross-site").await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (403, 0));
        assert_eq!(world.status_of(&pair).await, 200);
        assert_eq!(client.post("/refresh").await.status, 200);
        assert_eq!(client.post("/logout").await.status, 204);
        assert_eq!(world.kept().await, 0);
    }
}

/// What can be ended is ended, and the client hears that something may still be alive.
#[tokio::test]
async fn sec_76_a_sign_out_goes_on_although_one_store_is_down() {
    let world = world(two_stores).await;
    let (cookie, token, both) = with_both(&world).await;
    world.store.set(Op::Delete, Fault::Fails);
    assert_eq!(both.post("/logout").await.status, 503);
    world.store.heal();
    assert_eq!(world.status_of(&cookie).await, 401);
    assert_eq!(world.status_of(&token).await, 200, "try again");
}

#[tokio::test]
async fn a_cart_of_a_visitor_moves_from_the_cookie_into_the_token() {
    for build in ALIKE {
        let world = world(build).await;
        let client = world.client();
        client.post("/cart").body("apple").await;

        let reply = client.post("/login").json(&by_token("alice")).await;

        assert!(reply.set_cookie(SESSION).unwrap().contains("Max-Age=0"), "{reply:?}");
        assert!(!client.cookies("/").contains(SESSION));
        assert!(!matches!(client.credential(), Some(Credential::Cookie(_))));
        assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
        assert_eq!(world.kept().await, 1);
    }
}

/// Whatever came with the request is dead after a sign-in.
#[tokio::test]
async fn sec_04_a_sign_in_by_token_ends_the_cookie_beside_it() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = with_both(&world).await;
        both.post("/login").json(&by_token("alice")).await;
        assert!(!both.cookies("/").contains(SESSION), "the browser holds the cookie no more");
        assert_eq!(world.status_of(&token).await, 401);
        assert_eq!(world.status_of(&cookie).await, 401, "nor does a copy of it work");
    }
}

#[tokio::test]
async fn sec_04_a_sign_in_by_cookie_ends_the_token_that_decided() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = with_both(&world).await;
        both.post("/login").json(&Login::from("alice")).await;
        assert_eq!(world.status_of(&token).await, 401);
        assert_eq!(world.status_of(&cookie).await, 401);
        assert!(both.cookies("/").contains(SESSION) && !both.cookies("/").contains(REFRESH));
        assert_eq!(world.kept().await, 1);
    }
}

/// The cookie is queued already when the token's sign-in, in another store, cannot be ended.
#[tokio::test]
async fn sec_76_a_sign_in_that_cannot_end_the_other_backends_sets_no_cookie() {
    let world = world(two_stores).await;
    let client = world.client();
    client.post("/login").json(&by_token("alice")).await;
    let token = client.credential().unwrap();
    world.store.set(Op::Delete, Fault::Fails);

    let reply = client.post("/login").json(&Login::from("alice")).await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert_eq!(client.cookies("/"), "");
    world.store.heal();
    assert_eq!(world.status_of(&token).await, 200);
}

#[tokio::test]
async fn a_refresh_renews_the_credential_that_decided_and_no_other() {
    let world = world(cookie_first).await;
    let (cookie, token, both) = with_both(&world).await;
    let reply = both.post("/refresh").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 0));
    assert_eq!(world.status_of(&token).await, 401);
    assert_eq!(world.status_of(&cookie).await, 200);
}
