//! Mistakes in an application: each answers with 500 and a text that says what to do.

use auth_core::{Auth, AuthLayer, Claims, Identity, Principal, Require, SignedIn};
use auth_session::SessionAuth;
use auth_store::{MemoryStore, Session};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{MethodRouter, get};
use http::Request;
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
    // `Require` cannot set the body, so the reason is only an event.
    let guarded = get(async || "welcome").route_layer(Require::authenticated());
    assert_eq!(answer(app(guarded)).await, "");
}

#[tokio::test]
async fn with_other_claims_the_response_says_which_type_to_name() {
    let layer = SessionAuth::new(MemoryStore::new()).optional();
    for handler in [get(with_identity), get(with_optional_identity), get(with_auth)] {
        let text = answer(app(handler).layer(layer.clone())).await;
        assert!(text.contains(".claims::<") && text.contains("model::User>()`"), "{text}");
        assert!(text.contains("Claims"), "the type of the layer: {text}");
    }
    let wrong_way_round = SessionAuth::new(MemoryStore::new()).claims::<User>().optional();
    let text = answer(app(get(async |_: Auth<Claims>| ())).layer(wrong_way_round)).await;
    assert!(text.contains("call `.claims::<auth_core::principal::Claims>()`"), "{text}");
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
