//! Mistakes in an application: each answers with 500 and a text that says what to do.

use auth_core::{Auth, AuthLayer, Identity, Principal, Require, SignedIn};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{MethodRouter, get};
use http::{Request, StatusCode};
use tower::ServiceExt;

use crate::app::User;
use crate::harness::{ApiKeyAuth, Framework, TestBackend, World};

async fn answer(app: Router) -> String {
    let request = Request::get("/").header("x-api-key", "key-of-robot").body(Body::empty());
    let response = app.oneshot(request.unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 4096).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(status, 500, "{text}");
    text
}

fn app(handler: MethodRouter) -> Router {
    Router::new().route("/", handler)
}

async fn with_identity(_: Identity<User>) {}
async fn with_optional_identity(_: Option<Identity<User>>) {}
async fn with_auth(_: Auth<User>) {}
async fn with_session(_: Session) {}

#[tokio::test]
async fn without_a_layer_the_response_says_what_to_add() {
    for handler in [get(with_identity), get(with_optional_identity), get(with_auth)] {
        let text = answer(app(handler)).await;
        assert!(text.contains("add `.layer(SessionAuth::new(store))`"), "{text}");
        assert!(text.contains("User"), "the type that the handler asked for: {text}");
    }
    let text = answer(app(get(with_session))).await;
    assert!(text.contains("`Session` needs an authentication layer"), "{text}");
    let guarded = get(async || "welcome").route_layer(Require::authenticated());
    let text = answer(app(guarded)).await;
    assert!(text.contains("`Require` needs an authentication layer"), "{text}");
}

#[tokio::test]
async fn with_other_claims_the_response_says_which_type_to_name() {
    let layer = SessionAuth::new(MemoryStore::new()).optional();
    for handler in [get(with_identity), get(with_optional_identity), get(with_auth)] {
        let text = answer(app(handler).layer(layer.clone())).await;
        assert!(text.ends_with("app::model::User>()` on the backend"), "{text}");
        assert!(text.contains("call `.claims::<") && !text.contains("write"), "{text}");
        assert!(text.contains("Claims"), "the type of the layer: {text}");
    }
}

/// The handler asks for `Identity` or `Auth`, without `<User>`.
#[tokio::test]
async fn with_default_claims_the_response_says_what_the_handler_must_name() {
    let layer = SessionAuth::new(MemoryStore::new()).claims::<User>().optional();
    let user = std::any::type_name::<User>();
    for handler in [get(async |_: Auth| ()), get(async |_: Identity| ())] {
        let text = answer(app(handler).layer(layer.clone())).await;
        let fix = format!("write `Identity<{user}>` or `Auth<{user}>` in the handler");
        assert!(text.ends_with(&fix), "{text}");
    }
    let of_number = get(async |_: Identity<u8>| ());
    let text = answer(app(of_number).layer(layer)).await;
    assert!(text.contains("write `Identity<") && text.contains("call `.claims::<u8>()`"), "{text}");
}

/// A cookie carries the sign-in, so the handler needs nothing of what `sign_in` returns.
#[tokio::test]
#[deny(unused_must_use)]
async fn a_handler_that_redirects_after_a_sign_in_compiles_without_warnings() {
    let login = async |auth: Auth| -> Result<StatusCode, auth_core::AuthError> {
        auth.sign_in(Principal::new("alice")).await?;
        Ok(StatusCode::SEE_OTHER)
    };
    let layer = SessionAuth::new(MemoryStore::new()).optional();
    let request = Request::get("/").body(Body::empty()).unwrap();
    let response = app(get(login)).layer(layer).oneshot(request).await.unwrap();
    assert_eq!(response.status(), 303);
    assert!(response.headers().contains_key("set-cookie"));
}

#[tokio::test]
async fn a_session_without_a_store_is_a_config_error() {
    let world = World::start(TestBackend::session(), Framework::Axum).await;
    let layer = AuthLayer::new(ApiKeyAuth::new(&world.setup)).optional();
    let text = answer(app(get(with_session)).layer(layer)).await;
    assert!(text.contains("add SessionAuth, or JwtAuth with `.sign_in(store)`"), "{text}");
}

/// The response does not say more; the reason is in the error's source.
#[tokio::test]
async fn a_transport_that_no_backend_supports_is_a_config_error() {
    let layer = SessionAuth::new(MemoryStore::new()).claims::<User>().optional();
    let login = async |auth: Auth<User>| -> Result<SignedIn, auth_core::AuthError> {
        let principal = Principal::new("alice").claims(User::default());
        auth.sign_in(principal).as_tokens().await
    };
    let text = answer(app(get(login)).layer(layer)).await;
    assert_eq!(text, "the authentication layer is not configured for this operation");
}

/// The stored claims do not fit the type of the layer any more, so the user has to sign in again.
#[tokio::test]
async fn a_sign_in_with_claims_of_an_older_version_is_rejected() {
    let world = World::start(TestBackend::session(), Framework::Axum).await;
    let credential = world.client().signed_in("alice").await;
    let principal = auth_store::encode(&[], &"a claim of another shape").unwrap();
    auth_store::Store::update_subject(&*world.store, "alice", &principal).await.unwrap();
    assert_eq!(world.status_of(&credential).await, 401);
}
