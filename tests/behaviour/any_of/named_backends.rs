//! A sign-in with the backend that the application names.

use auth_core::{Auth as RequestAuth, Authenticator, Principal, any_of};
use http::{Request, Response};

use super::combinations::{ALIKE, cookie_first, two_stores, world};
use crate::app::{Login, User};
use crate::harness::{Auth, Client, Credential, SESSION, Setup, call, jwt, session};

behaviours! {
    a_token_of_a_named_backend_does_not_end_the_session,
    a_request_acts_for_its_session_after_a_sign_in_by_name,
    sec_100_who_acts_for_a_user_gets_no_token_of_another_backend,
    a_visitor_keeps_the_cart_when_another_backend_is_named,
    sec_04_a_sign_in_by_the_name_of_the_own_backend_replaces_the_credential,
    sec_04_a_visitor_who_signs_in_by_name_gets_another_cookie,
    an_unknown_name_is_an_error_and_signs_nobody_in,
    a_request_acts_for_its_unstored_identity_after_a_sign_in_by_name,
}

/// Sends a login with the backend of this name. Returns the credential that the client has afterwards.
async fn login(client: &Client, subject: &str, backend: &str) -> Credential {
    let reply = client.post("/login").json(&Login::from(subject).backend(backend)).await;
    assert!(reply.status.is_success(), "{reply:?}");
    client.credential().unwrap()
}

/// A combination, and the name of its backend that issues tokens.
type Combination = (fn(&Setup) -> Auth, &'static str);

fn combinations() -> Vec<Combination> {
    let jwt: fn(&Setup) -> Auth = |setup| any_of((session(setup), jwt(setup))).erased();
    let mut all: Vec<Combination> =
        vec![(jwt, "jwt"), (cookie_first, "token"), (two_stores, "token")];
    let names = ["jwt", "jwt", "token", "token", "token", "token", "token"];
    all.extend(ALIKE.into_iter().zip(names));
    all
}

async fn a_token_of_a_named_backend_does_not_end_the_session() {
    for (build, name) in combinations() {
        let world = world(build).await;
        let (browser, cookie) = world.sign_in("alice").await;
        browser.post("/cart").body("apple").await;
        let reply = browser.post("/login").json(&Login::from("alice").backend(name)).await;
        assert_eq!((reply.status.as_u16(), reply.set_cookie(SESSION)), (200, None));
        let token = browser.credential().unwrap();
        assert_eq!(world.statuses([&cookie, &token]).await, [200, 200], "{name}");
        let cart = world.client_with(&cookie).get("/cart").await;
        assert_eq!(cart.text(), r#"["apple"]"#, "the session keeps its data");
        assert_ne!(world.client_with(&token).get("/cart").await.text(), r#"["apple"]"#);
    }
}

/// The request goes on acting for the session, so what it stores belongs there.
async fn a_request_acts_for_its_session_after_a_sign_in_by_name() {
    for (build, name) in combinations() {
        let world = world(build).await;
        let (browser, cookie) = world.sign_in("alice").await;
        let body = Login::from("robot").backend(name);
        let reply = browser.post("/login-and-add").json(&body).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let cart = world.client_with(&cookie).get("/cart").await;
        assert_eq!(cart.text(), r#"["welcome gift"]"#, "{name}");
        let robot = world.client_with(&browser.credential().unwrap());
        assert!(robot.get("/me").await.text().contains("robot"));
        assert_ne!(robot.get("/cart").await.text(), r#"["welcome gift"]"#);
    }
}

/// The token would not end with the sign-in of the actor.
async fn sec_100_who_acts_for_a_user_gets_no_token_of_another_backend() {
    for (build, name) in combinations() {
        let world = world(build).await;
        let (browser, _) = world.sign_in("root").await;
        let reply = browser.post("/act-as").json(&Login::from("alice")).await;
        assert!(reply.status.is_success(), "{reply:?}");
        for subject in ["alice", "root"] {
            let login = Login::from(subject).backend(name);
            assert_eq!(browser.post("/login").json(&login).await.status, 403, "{name}");
        }
    }
}

async fn a_visitor_keeps_the_cart_when_another_backend_is_named() {
    for (build, name) in combinations() {
        let world = world(build).await;
        let visitor = world.client();
        visitor.post("/cart").body("apple").await;
        let cookie = visitor.credential().unwrap();
        login(&visitor, "alice", name).await;
        let cart = world.client_with(&cookie).get("/cart").await;
        assert_eq!(cart.text(), r#"["apple"]"#, "{name}");
    }
}

/// As without a name: the old credential is invalid.
async fn sec_04_a_sign_in_by_the_name_of_the_own_backend_replaces_the_credential() {
    for (build, name) in combinations() {
        let world = world(build).await;
        for (first, second) in [("alice", "alice"), ("alice", "bob")] {
            let (browser, old) = world.sign_in(first).await;
            let new = login(&browser, second, "session").await;
            assert_eq!(world.statuses([&old, &new]).await, [401, 200], "session and {name}");
            let app = world.client();
            let old = login(&app, first, name).await;
            let new = login(&app, second, name).await;
            assert_eq!(world.statuses([&old, &new]).await, [401, 200], "{name}");
        }
    }
}

async fn sec_04_a_visitor_who_signs_in_by_name_gets_another_cookie() {
    let world = world(cookie_first).await;
    let visitor = world.client();
    visitor.post("/cart").body("apple").await;
    let planted = visitor.credential().unwrap();
    let cookie = login(&visitor, "alice", "session").await;
    assert_eq!(world.client_with(&planted).get("/cart").await.text(), "[]");
    assert_eq!(world.client_with(&cookie).get("/cart").await.text(), r#"["apple"]"#);
}

async fn an_unknown_name_is_an_error_and_signs_nobody_in() {
    for (build, _) in combinations() {
        let world = world(build).await;
        let login = Login::from("alice").backend("other");
        assert_eq!(world.client().post("/login").json(&login).await.status, 500);
        assert_eq!(world.sign_in_count().await, 0);
    }
}

/// A robot whose identity has no stored sign-in creates a token for a user.
async fn a_request_acts_for_its_unstored_identity_after_a_sign_in_by_name() {
    let names = ["jwt", "jwt", "token", "token", "token", "token", "token"];
    for (build, name) in ALIKE.into_iter().zip(names) {
        let world = world(build).await;
        let request = Request::post("/").header("x-api-key", "key-of-robot").body(()).unwrap();
        let handler = async |head: http::request::Parts| {
            let auth = RequestAuth::<User>::of(&head).unwrap();
            let alice = Principal::new("alice").claims(User::default());
            let signed_in = auth.sign_in(alice).backend(name).await.unwrap();
            assert!(signed_in.tokens.is_some());
            assert_eq!(auth.identity().unwrap().subject(), "robot", "{name}");
            let revalidated = auth.revalidate().await.unwrap();
            assert_eq!((revalidated.subject(), revalidated.sign_in()), ("robot", None));
            Response::default()
        };
        let layer = any_of([world.auth()]).optional();
        assert_eq!(call(layer, request, handler).await.status(), 200);
        assert_eq!(world.sign_in_count().await, 1, "{name}");
    }
}
