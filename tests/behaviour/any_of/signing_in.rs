//! Signing in and out with several backends.

use auth_core::{Auth as RequestAuth, Authenticator, any_of};
use http::Response;

use super::combinations::{
    ALIKE, by_token, cookie_and_token, cookie_first, cookies_in_the_faulty_store, sign_out_ends,
    token_first, two_stores, world,
};
use crate::app::{Login, User};
use crate::harness::{Auth, Credential, Fault, Op, REFRESH, SESSION, Setup, jwt, session};

behaviours! {
    the_first_backend_with_sign_ins_is_the_default,
    a_sign_out_ends_the_cookie_and_the_token,
    a_sign_out_ends_the_sign_ins_of_every_store,
    sec_82_another_site_cannot_end_a_cookie_sent_with_a_token,
    sec_82_a_sign_out_refused_by_one_backend_ends_nothing,
    sec_76_a_sign_out_continues_if_one_store_is_down,
    the_cart_of_a_visitor_moves_from_the_cookie_to_the_token,
    sec_04_a_sign_in_by_token_ends_the_cookie_of_the_request,
    sec_04_a_sign_in_by_cookie_ends_the_deciding_token,
    sec_76_a_sign_in_that_cannot_end_the_other_backends_sets_no_cookie,
    a_refresh_renews_only_the_deciding_credential,
    data_of_the_request_that_signs_in_is_saved_by_the_chosen_backend,
    sec_92_every_backend_of_a_combination_is_asked,
    a_step_up_after_a_refresh_is_by_the_backend_of_the_refreshed_sign_in,
}

async fn the_first_backend_with_sign_ins_is_the_default() {
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

async fn a_sign_out_ends_the_cookie_and_the_token() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = cookie_and_token(&world, "alice").await;
        sign_out_ends(&world, &both, [&cookie, &token]).await;
    }
}

async fn a_sign_out_ends_the_sign_ins_of_every_store() {
    let world = world(two_stores).await;
    let (cookie, token, both) = cookie_and_token(&world, "alice").await;
    assert_eq!(both.post("/logout").await.status, 204);
    assert_eq!(world.statuses([&cookie, &token]).await, [401, 401]);
}

/// The token is explicit and the cookie is ambient. A refused request ends neither.
async fn sec_82_another_site_cannot_end_a_cookie_sent_with_a_token() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = cookie_and_token(&world, "alice").await;
        let reply = both.post("/logout").header("sec-fetch-site", "cross-site").await;
        assert_eq!(reply.status, 403);
        assert!(reply.set_cookies().is_empty());
        assert_eq!(world.statuses([&cookie, &token]).await, [200, 200]);
    }
}

/// Without this rule, the session backend would find no cookie to protect and end the sign-in of
/// the token.
async fn sec_82_a_sign_out_refused_by_one_backend_ends_nothing() {
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
        assert_eq!(world.sign_in_count().await, 0);
    }
}

/// The other sign-ins end, and the response says that one may still be valid.
async fn sec_76_a_sign_out_continues_if_one_store_is_down() {
    let world = world(two_stores).await;
    let (cookie, token, both) = cookie_and_token(&world, "alice").await;
    world.store.set(Op::Delete, Fault::Fails);
    assert_eq!(both.post("/logout").await.status, 503);
    world.store.clear_faults();
    assert_eq!(world.statuses([&cookie, &token]).await, [401, 200], "the client can try again");
}

async fn the_cart_of_a_visitor_moves_from_the_cookie_to_the_token() {
    for build in ALIKE {
        let world = world(build).await;
        let client = world.client();
        client.post("/cart").body("apple").await;

        let reply = client.post("/login").json(&by_token("alice")).await;

        assert!(reply.set_cookie(SESSION).unwrap().contains("Max-Age=0"), "{reply:?}");
        assert!(!client.cookies("/").contains(SESSION));
        assert!(!matches!(client.credential(), Some(Credential::Cookie(_))));
        assert_eq!(client.get("/cart").await.text(), r#"["apple"]"#);
        assert_eq!(world.sign_in_count().await, 1);
    }
}

/// A sign-in ends every credential that came with the request.
async fn sec_04_a_sign_in_by_token_ends_the_cookie_of_the_request() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = cookie_and_token(&world, "alice").await;
        both.post("/login").json(&by_token("alice")).await;
        assert!(!both.cookies("/").contains(SESSION), "the browser has no cookie");
        assert_eq!(world.statuses([&token, &cookie]).await, [401, 401], "even a copied cookie");
    }
}

async fn sec_04_a_sign_in_by_cookie_ends_the_deciding_token() {
    for build in ALIKE {
        let world = world(build).await;
        let (cookie, token, both) = cookie_and_token(&world, "alice").await;
        both.post("/login").json(&Login::from("alice")).await;
        assert_eq!(world.statuses([&token, &cookie]).await, [401, 401]);
        assert!(both.cookies("/").contains(SESSION) && !both.cookies("/").contains(REFRESH));
        assert_eq!(world.sign_in_count().await, 1);
    }
}

/// The cookie is already set when the token's sign-in, in another store, cannot be ended.
async fn sec_76_a_sign_in_that_cannot_end_the_other_backends_sets_no_cookie() {
    let world = world(two_stores).await;
    let client = world.client();
    client.post("/login").json(&by_token("alice")).await;
    let token = client.credential().unwrap();
    world.store.set(Op::Delete, Fault::Fails);

    let reply = client.post("/login").json(&Login::from("alice")).await;

    assert!(reply.is_unavailable(), "{reply:?}");
    assert_eq!(client.cookies("/"), "");
    world.store.clear_faults();
    assert_eq!(world.status_of(&token).await, 200);
}

async fn a_refresh_renews_only_the_deciding_credential() {
    let world = world(cookie_first).await;
    let (cookie, token, both) = cookie_and_token(&world, "alice").await;
    let reply = both.post("/refresh").await;
    assert_eq!((reply.status.as_u16(), reply.set_cookies().len()), (200, 0));
    assert_eq!(world.statuses([&token, &cookie]).await, [401, 200]);
}

/// The data is saved in the store of the token's backend. If that fails, the sign-in is rolled back
/// there.
async fn data_of_the_request_that_signs_in_is_saved_by_the_chosen_backend() {
    let world = world(two_stores).await;
    let client = world.client();
    let reply = client.post("/login-and-add").json(&by_token("alice")).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(client.get("/cart").await.text(), r#"["welcome gift"]"#);
    world.store.set(Op::Update, Fault::Fails);
    assert!(world.client().post("/login-and-add").json(&by_token("bob")).await.is_unavailable());
    world.store.clear_faults();
    assert_eq!(world.sign_in_count().await, 1, "bob's sign-in was rolled back");
}

/// The first backend fails, and the second one is asked nevertheless.
async fn sec_92_every_backend_of_a_combination_is_asked() {
    let world = world(cookies_in_the_faulty_store).await;
    let (_, own, _) = cookie_and_token(&world, "alice").await;
    let (_, thief, _) = cookie_and_token(&world, "alice").await;
    world.store.set(Op::Revoke, Fault::Fails);
    let owner = world.client_with(&own);
    assert!(owner.post("/logout-everywhere").await.is_unavailable());
    assert_eq!(world.statuses([&own, &thief]).await, [200, 401], "the owner can try again");
    world.store.clear_faults();
    assert_eq!(owner.post("/logout-everywhere").await.text(), "3", "both cookies, and this one");
}

/// The request came with a cookie, and acts for the sign-in of the token that it has refreshed.
async fn a_step_up_after_a_refresh_is_by_the_backend_of_the_refreshed_sign_in() {
    let world = world(|setup| any_of((session(setup), jwt(setup))).erased()).await;
    let (_, cookie) = world.sign_in("alice").await;
    let login = world.client().post("/login").json(&by_token("alice").refresh_in_body()).await;
    let tokens: serde_json::Value = login.json();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let handler = async |head: http::request::Parts| {
        let auth = RequestAuth::<User>::of(&head).unwrap();
        let refreshed = auth.refresh().token(refresh).await.unwrap();
        let confirmed = auth.reauthenticate().amr("otp").await.unwrap();
        assert_eq!(confirmed.sign_in, refreshed.sign_in);
        assert_ne!(confirmed.sign_in, cookie.sign_in());
        let access = confirmed.tokens.expect("tokens carry it").access_token;
        assert_eq!(access.split('.').count(), 3, "a JSON Web Token");
        Response::default()
    };
    assert_eq!(world.handle(Some(&cookie), handler).await.status(), 200);
    assert_eq!(world.status_of(&cookie).await, 200);
}
