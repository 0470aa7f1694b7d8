//! `TestUser`: the tests of an application with a user who is signed in.

use auth_core::testing::TestUser;
use auth_core::{
    Auth, AuthError, AuthErrorKind, AuthLayer, Identity, Persistence, Principal, Require, SignedIn,
};
use auth_store::Session;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{get, post};
use http::{Request, header};
use tower::{Layer, ServiceExt};

use crate::app::User;
use crate::harness::{HOUR, World, sign_in_by};

suite!(every:
    a_test_user_needs_no_login_route,
    a_test_user_expires_by_the_clock_of_the_test,
    a_request_with_its_own_credential_is_not_changed,
    a_test_user_is_signed_in_by_the_options_of_the_test,
);

suite!(every: builders_show_neither_claims_nor_secrets);

async fn whoami(user: Identity<User>) -> String {
    format!("{} {}", user.subject(), user.claims().name)
}

async fn count(session: Session) -> Result<String, AuthError> {
    session.update("visits", |visits: &mut u32| *visits += 1)?;
    Ok(session.get::<u32>("visits").await?.unwrap_or_default().to_string())
}

async fn devices(auth: Auth<User>) -> Result<String, AuthError> {
    Ok(auth.sign_ins().await?.len().to_string())
}

fn app(world: &World) -> Router {
    Router::new()
        .route("/me", get(whoami))
        .route("/admin", get(async || "keys").route_layer(Require::role("admin")))
        .route("/visits", post(count))
        .route("/devices", get(devices))
        .route("/logout", post(async |auth: Auth<User>| auth.sign_out().await))
        .layer(AuthLayer::new(world.auth()).optional())
}

fn principal(name: &str) -> Principal<User> {
    Principal::new(name).claims(User { name: name.to_uppercase() })
}

/// Signs in by the transport of the backend under test.
async fn user(world: &World, principal: Principal<User>) -> TestUser {
    let transport = world.transport();
    let user =
        TestUser::sign_in(world.auth(), |auth| sign_in_by(auth.sign_in(principal), transport));
    user.await.unwrap()
}

async fn ask(app: &Router, request: http::request::Builder) -> (u16, String) {
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 4096).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn a_test_user_needs_no_login_route(world: World) {
    let app = app(&world);
    assert_eq!(ask(&app, Request::get("/me")).await.0, 401);
    let alice = app.clone().layer(user(&world, principal("alice")).await);
    let admin = app.layer(user(&world, principal("bob").role("admin")).await);
    let ok = |text: &str| (200, text.to_owned());
    assert_eq!(ask(&alice, Request::get("/me")).await, ok("alice ALICE"));
    assert_eq!(ask(&admin, Request::get("/me")).await, ok("bob BOB"));
    assert_eq!(ask(&alice, Request::get("/admin")).await.0, 403);
    assert_eq!(ask(&admin, Request::get("/admin")).await, ok("keys"));
    for visits in ["1", "2"] {
        assert_eq!(ask(&alice, Request::post("/visits")).await, ok(visits));
    }
    assert_eq!(ask(&admin, Request::post("/visits")).await, ok("1"));
    assert_eq!(ask(&alice, Request::get("/devices")).await, ok("1"));
    assert_eq!(ask(&alice, Request::post("/logout")).await.0, 200);
    assert_eq!(ask(&alice, Request::get("/me")).await.0, 401);
    assert_eq!(ask(&admin, Request::get("/me")).await.0, 200);
}

async fn a_test_user_expires_by_the_clock_of_the_test(world: World) {
    let alice = app(&world).layer(user(&world, principal("alice")).await);
    world.advance(HOUR / 2);
    assert_eq!(ask(&alice, Request::get("/me")).await.0, 200);
    world.store.records().await; // the use is written in the background
    world.advance(HOUR);
    assert_eq!(ask(&alice, Request::get("/me")).await.0, 401);
}

async fn a_request_with_its_own_credential_is_not_changed(world: World) {
    let bob = user(&world, principal("bob")).await;
    let alice = user(&world, principal("alice")).await.layer(app(&world));
    let own =
        bob.headers().iter().fold(Request::get("/me"), |it, (name, value)| it.header(name, value));
    let response = alice.clone().oneshot(own.body(Body::empty()).unwrap()).await.unwrap();
    let body = to_bytes(response.into_body(), 4096).await.unwrap();
    assert_eq!(&*body, b"bob BOB");
    let wrong = Request::get("/me").header(header::AUTHORIZATION, "Bearer wrong");
    let response = alice.oneshot(wrong.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 401);
}

async fn a_test_user_is_signed_in_by_the_options_of_the_test(world: World) {
    let transport = world.transport();
    let laptop = TestUser::sign_in(world.auth(), |auth| {
        let sign_in = sign_in_by(auth.sign_in(principal("alice")), transport);
        sign_in.label("laptop").persistence(Persistence::Persistent)
    });
    laptop.await.unwrap();
    let [record] = &world.store.records().await[..] else { panic!("there is one sign-in") };
    assert_eq!(record.persistence, Persistence::Persistent);

    let failed = TestUser::sign_in(world.auth(), async |auth: Auth<User>| -> Result<SignedIn, _> {
        auth.sign_in(principal("alice")).await?;
        Err(auth.wrong_credentials("the test fails after the sign-in"))
    });
    assert_eq!(failed.await.unwrap_err().kind(), AuthErrorKind::WrongCredentials);
    while world.sign_in_count().await > 1 {
        tokio::task::yield_now().await; // the second one is rolled back
    }
}

async fn builders_show_neither_claims_nor_secrets(world: World) {
    let alice = principal("alice");
    let mut shown = String::new();
    let user = TestUser::sign_in(world.auth(), |auth| {
        let sign_in = auth.sign_in(alice).label("phone").auth_hash("the-hash");
        let again = auth.reauthenticate().acr("aal2").auth_hash("the-hash");
        let refresh = auth.refresh().scope("read").token("the-token");
        shown = format!("{sign_in:?} {again:?} {refresh:?}");
        sign_in
    });
    user.await.unwrap();
    assert!(["phone", "aal2", "read"].iter().all(|option| shown.contains(option)), "{shown}");
    assert!(!shown.contains("the-") && !shown.contains("ALICE"), "{shown}");
}
