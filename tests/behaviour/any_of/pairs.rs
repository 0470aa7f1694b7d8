//! Sessions beside pairs of tokens: a refresh cookie is there also when its access token is not.

use auth_core::{Authenticator, Transport, any_of};

use super::mixes::world;
use crate::app::{Login, Refresh};
use crate::harness::{
    Auth, Backend, Credential, Fault, Op, REFRESH, SESSION, Setup, World, jwt, jwt_eddsa, session,
};

fn both(setup: &Setup) -> Auth {
    any_of((session(setup), jwt_eddsa(setup))).erased()
}

fn tokens_first(setup: &Setup) -> Auth {
    any_of((jwt(setup), session(setup))).erased()
}

/// A pair of one sign-in, and the cookie of another.
async fn two(world: &World) -> (Credential, Credential) {
    let app = world.client();
    app.post("/login").json(&by_token("alice")).await;
    let cookies = world.with_backend(Backend::session()).await;
    (app.credential().unwrap(), cookies.client().signed_in("alice").await)
}

fn by_token(subject: &str) -> Login {
    Login::from(subject).via(Transport::Explicit)
}

#[tokio::test]
async fn sec_04_a_sign_in_by_cookie_ends_the_refresh_cookie_that_came_with_it() {
    for subject in ["alice", "bob"] {
        let world = world(both).await;
        let (pair, cookie) = two(&world).await;
        let page = world.holder(&pair).holding(&cookie).reloaded();
        let reply = page.post("/login").json(&Login::from(subject)).await;
        assert!(reply.set_cookie(REFRESH).unwrap().contains("Max-Age=0"), "{reply:?}");
        assert!(!page.cookies("/").contains(REFRESH));
        assert_eq!(page.get("/maybe").await.text(), subject);
        assert_eq!(world.status_of(&pair).await, 401, "nor does a copy of the access token work");
        assert_eq!(world.holder(&pair).post("/refresh").await.status, 401);
        assert_eq!(world.status_of(&cookie).await, 401);
        assert_eq!(world.kept().await, 1);
    }
}

#[tokio::test]
async fn sec_04_a_sign_in_by_token_ends_both_cookies() {
    for subject in ["alice", "bob"] {
        let world = world(both).await;
        let (pair, cookie) = two(&world).await;
        let page = world.holder(&pair).holding(&cookie).reloaded();
        let reply = page.post("/login").json(&by_token(subject)).await;
        assert!(reply.set_cookie(SESSION).unwrap().contains("Max-Age=0"), "{reply:?}");
        assert!(!page.cookies("/").contains(SESSION));
        assert_eq!(page.get("/maybe").await.text(), subject);
        assert_eq!(world.status_of(&pair).await, 401);
        assert_eq!(world.status_of(&cookie).await, 401);
        assert_eq!(world.kept().await, 1);
    }
}

/// The cookie decides who it is; a refresh renews what decided.
#[tokio::test]
async fn a_refresh_renews_the_session_that_decided_and_no_token() {
    let world = world(both).await;
    let (pair, cookie) = two(&world).await;
    let page = world.holder(&pair).holding(&cookie).reloaded();
    let reply = page.post("/refresh").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, 1));
    assert!(reply.set_cookie(SESSION).is_some());
    assert_eq!(world.status_of(&cookie).await, 401);
    world.holder(&pair).refreshed().await;
}

#[tokio::test]
async fn a_refresh_renews_the_token_that_decided_and_no_session() {
    let world = world(both).await;
    let (pair, cookie) = two(&world).await;
    let reply = world.holder(&cookie).holding(&pair).post("/refresh").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1));
    assert!(reply.set_cookie(REFRESH).is_some());
    assert_eq!(world.status_of(&cookie).await, 200);
}

/// A stale session cookie, or a visitor's, does not keep a refresh cookie from renewing.
#[tokio::test]
async fn a_refresh_goes_on_to_the_backend_that_can() {
    for build in [both, tokens_first] {
        let world = world(build).await;
        let visitor = world.client();
        visitor.post("/cart").body("apple").await;
        let stale = Credential::Cookie("A".repeat(86));
        for cookie in [visitor.credential().unwrap(), stale] {
            let (pair, _) = two(&world).await;
            let page = world.holder(&pair).holding(&cookie).reloaded();
            let reply = page.post("/refresh").await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let body = Refresh::token(page.credential().unwrap().refresh().unwrap());
            assert_eq!(page.post("/refresh").json(&body).await.status, 200);
        }
    }
}

#[tokio::test]
async fn sec_14_a_sign_out_by_cookies_alone_ends_both() {
    for build in [both, tokens_first] {
        let world = world(build).await;
        let (pair, cookie) = two(&world).await;
        let page = world.holder(&pair).holding(&cookie).reloaded();
        let sent = page.cookies("/").split("; ").count();
        let reply = page.post("/logout").await;
        assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, sent), "{reply:?}");
        assert_eq!(page.cookies("/"), "");
        assert_eq!(world.status_of(&pair).await, 401);
        assert_eq!(world.status_of(&cookie).await, 401);
        assert_eq!(world.kept().await, 0);
    }
}

/// The session is queued already when the refresh cookie's sign-in cannot be ended.
#[tokio::test]
async fn sec_76_a_sign_in_that_cannot_end_the_refresh_cookie_sets_none() {
    let world = world(both).await;
    let (pair, _) = two(&world).await;
    let page = world.holder(&pair).reloaded();
    world.store.set(Op::Delete, Fault::Fails);
    let reply = page.post("/login").json(&Login::from("bob")).await;
    assert!(reply.is_unavailable(), "{reply:?}");
    world.store.heal();
    assert_eq!(world.status_of(&pair).await, 200);
    assert!(page.cookies("/").contains(REFRESH) && !page.cookies("/").contains(SESSION));
    assert_eq!(page.get("/maybe").await.text(), "nobody");
}

#[tokio::test]
async fn a_cart_of_a_visitor_moves_into_the_tokens_that_are_preferred() {
    let world = world(tokens_first).await;
    let client = world.client();
    client.post("/cart").body("apple").await;
    let reply = client.post("/login").json(&Login::from("alice")).await;
    assert_eq!(reply.status, 200);
    assert!(reply.set_cookie(SESSION).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.kept().await, 1);
}
