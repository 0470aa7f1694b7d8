//! CORS: preflights, and refusals that a script of another origin can read.

use auth_core::Authenticator;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderValue, Method, Request, Response};
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

use crate::harness::{Framework, TestBackend, World};

const APP: &str = "https://app.example";

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(APP))
        .allow_methods([Method::DELETE])
        .allow_credentials(true)
}

async fn preflight(app: Router) -> Response<Body> {
    let request = Request::options("/")
        .header("origin", APP)
        .header("access-control-request-method", "DELETE")
        .body(Body::empty());
    app.oneshot(request.unwrap()).await.unwrap()
}

/// A preflight has no credentials, so the order of layers decides. The layer that was added to a
/// router last runs first.
#[tokio::test]
async fn a_preflight_passes_if_cors_wraps_authentication() {
    for backend in [
        TestBackend::session(),
        TestBackend::session_bearer(),
        TestBackend::token(),
        TestBackend::jwt(),
    ] {
        let world = World::start(backend, Framework::Axum).await;
        let auth = auth_core::AuthLayer::new(world.auth());
        let page = || Router::new().route("/", get(async || "welcome"));

        let outside = preflight(page().layer(auth.clone()).layer(cors())).await;
        assert_eq!(outside.status(), 200);
        assert_eq!(outside.headers()["access-control-allow-origin"], APP);

        let inside = preflight(page().layer(cors()).layer(auth)).await;
        assert_eq!(inside.status(), 401, "in the other order, no preflight passes");
    }
}

/// With CORS outside, a script of the other origin can read the reason of a refusal.
#[tokio::test]
async fn a_refusal_has_cors_headers_if_cors_wraps_authentication() {
    let world = World::start(TestBackend::session(), Framework::Axum).await;
    let auth = world.auth().erased();
    let page = Router::new().route("/", get(async || "welcome"));
    let app = page.layer(auth_core::AuthLayer::new(auth)).layer(cors());
    let request = Request::get("/").header("origin", APP).body(Body::empty()).unwrap();
    let refused = app.oneshot(request).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], APP);
}
