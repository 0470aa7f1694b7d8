//! Sessions next to pairs of tokens. A refresh cookie is sent even if its access token is not.

use auth_core::{Authenticator, any_of};

use super::combinations::{by_token, sign_out_ends, world};
use crate::app::{Login, Refresh};
use crate::harness::{
    Auth, Client, Credential, Fault, Op, REFRESH, SESSION, Setup, TestBackend, World, jwt,
    jwt_eddsa, session,
};

behaviours! {
    sec_04_a_sign_in_by_cookie_ends_the_refresh_cookie_of_the_request,
    sec_04_a_sign_in_by_token_ends_both_cookies,
    a_refresh_renews_only_the_deciding_session,
    a_refresh_renews_only_the_deciding_token,
    a_refresh_uses_the_backend_that_can_renew,
    sec_14_a_sign_out_by_cookies_alone_ends_both,
    sec_76_a_sign_in_that_cannot_end_the_refresh_cookie_sets_none,
    the_cart_of_a_visitor_moves_to_the_preferred_token_backend,
}

fn both(setup: &Setup) -> Auth {
    any_of((session(setup), jwt_eddsa(setup))).erased()
}

fn tokens_first(setup: &Setup) -> Auth {
    any_of((jwt(setup), session(setup))).erased()
}

/// Returns a pair of one sign-in, the cookie of another, and a browser that has the cookies of both.
async fn two(world: &World) -> (Credential, Credential, Client) {
    let app = world.client();
    app.post("/login").json(&by_token("alice")).await;
    let pair = app.credential().unwrap();
    let sessions = world.with_backend(TestBackend::session()).await;
    let (_, cookie) = sessions.sign_in("alice").await;
    let page = world.client_with(&pair).with_credential(&cookie).reloaded();
    (pair, cookie, page)
}

async fn sec_04_a_sign_in_by_cookie_ends_the_refresh_cookie_of_the_request() {
    for subject in ["alice", "bob"] {
        let world = world(both).await;
        let (pair, cookie, page) = two(&world).await;
        let reply = page.post("/login").json(&Login::from(subject)).await;
        assert!(reply.set_cookie(REFRESH).unwrap().contains("Max-Age=0"), "{reply:?}");
        assert!(!page.cookies("/").contains(REFRESH));
        assert_eq!(page.get("/maybe").await.text(), subject);
        assert_eq!(world.status_of(&pair).await, 401, "a copy of the access token is rejected too");
        assert_eq!(world.client_with(&pair).post("/refresh").await.status, 401);
        assert_eq!(world.status_of(&cookie).await, 401);
        assert_eq!(world.sign_in_count().await, 1);
    }
}

async fn sec_04_a_sign_in_by_token_ends_both_cookies() {
    for subject in ["alice", "bob"] {
        let world = world(both).await;
        let (pair, cookie, page) = two(&world).await;
        let reply = page.post("/login").json(&by_token(subject)).await;
        assert!(reply.set_cookie(SESSION).unwrap().contains("Max-Age=0"), "{reply:?}");
        assert!(!page.cookies("/").contains(SESSION));
        assert_eq!(page.get("/maybe").await.text(), subject);
        assert_eq!(world.statuses([&pair, &cookie]).await, [401, 401]);
        assert_eq!(world.sign_in_count().await, 1);
    }
}

/// The cookie decides, and a refresh renews the deciding credential.
async fn a_refresh_renews_only_the_deciding_session() {
    let world = world(both).await;
    let (pair, cookie, page) = two(&world).await;
    let reply = page.post("/refresh").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (204, 1));
    assert!(reply.set_cookie(SESSION).is_some());
    assert_ne!(page.cookies("/"), world.client_with(&cookie).cookies("/"));
    world.client_with(&pair).refreshed().await;
}

async fn a_refresh_renews_only_the_deciding_token() {
    let world = world(both).await;
    let (pair, cookie, _) = two(&world).await;
    let reply = world.client_with(&cookie).with_credential(&pair).post("/refresh").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 1));
    assert!(reply.set_cookie(REFRESH).is_some());
    assert_eq!(world.status_of(&cookie).await, 200);
}

/// A stale session cookie or the cookie of a visitor does not prevent a refresh by refresh cookie.
async fn a_refresh_uses_the_backend_that_can_renew() {
    for build in [both, tokens_first] {
        let world = world(build).await;
        let visitor = world.client();
        visitor.post("/cart").body("apple").await;
        let stale = Credential::Cookie("A".repeat(86));
        for cookie in [visitor.credential().unwrap(), stale] {
            let (pair, ..) = two(&world).await;
            let page = world.client_with(&pair).with_credential(&cookie).reloaded();
            let reply = page.post("/refresh").await;
            assert_eq!(reply.status, 200, "{reply:?}");
            let body = Refresh::token(page.credential().unwrap().refresh().unwrap());
            assert_eq!(page.post("/refresh").json(&body).await.status, 200);
        }
    }
}

async fn sec_14_a_sign_out_by_cookies_alone_ends_both() {
    for build in [both, tokens_first] {
        let world = world(build).await;
        let (pair, cookie, page) = two(&world).await;
        sign_out_ends(&world, &page, [&pair, &cookie]).await;
    }
}

/// The session cookie is already set when the sign-in of the refresh cookie cannot be ended.
async fn sec_76_a_sign_in_that_cannot_end_the_refresh_cookie_sets_none() {
    let world = world(both).await;
    let (pair, ..) = two(&world).await;
    let page = world.client_with(&pair).reloaded();
    world.store.set(Op::Delete, Fault::Fails);
    let reply = page.post("/login").json(&Login::from("bob")).await;
    assert!(reply.is_unavailable(), "{reply:?}");
    world.store.clear_faults();
    assert_eq!(world.status_of(&pair).await, 200);
    assert!(page.cookies("/").contains(REFRESH) && !page.cookies("/").contains(SESSION));
    assert_eq!(page.get("/maybe").await.text(), "anonymous");
}

async fn the_cart_of_a_visitor_moves_to_the_preferred_token_backend() {
    let world = world(tokens_first).await;
    let client = world.client();
    client.post("/cart").body("apple").await;
    let reply = client.post("/login").json(&Login::from("alice")).await;
    assert_eq!(reply.status, 200);
    assert!(reply.set_cookie(SESSION).unwrap().contains("Max-Age=0"), "{reply:?}");
    assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
    assert_eq!(world.sign_in_count().await, 1);
}
