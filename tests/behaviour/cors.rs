//! Cross-origin requests that a browser asks about first.

use auth_core::Authenticator;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{HeaderValue, Method, Request, Response};
use tower::ServiceExt;
use tower_http::cors::CorsLayer;

use crate::harness::{Backend, Framework, World};

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

/// A preflight carries no credentials, so the layer order decides: what is added last to a router
/// is asked first.
#[tokio::test]
async fn a_preflight_passes_if_cors_is_outside_of_authentication() {
    for backend in [Backend::session(), Backend::session_bearer(), Backend::token(), Backend::jwt()]
    {
        let world = World::start(backend, Framework::Axum).await;
        let auth = auth_core::AuthLayer::new(world.auth());
        let page = || Router::new().route("/", get(async || "welcome"));

        let outside = preflight(page().layer(auth.clone()).layer(cors())).await;
        assert_eq!(outside.status(), 200);
        assert_eq!(outside.headers()["access-control-allow-origin"], APP);

        let inside = preflight(page().layer(cors()).layer(auth)).await;
        assert_eq!(inside.status(), 401, "the other way round no preflight passes");
    }
}

/// A script of the other origin can read why it was refused.
#[tokio::test]
async fn a_refusal_has_the_headers_of_cors_if_it_is_outside() {
    let world = World::start(Backend::session(), Framework::Axum).await;
    let auth = world.auth().erased();
    let page = Router::new().route("/", get(async || "welcome"));
    let app = page.layer(auth_core::AuthLayer::new(auth)).layer(cors());
    let request = Request::get("/").header("origin", APP).body(Body::empty()).unwrap();
    let refused = app.oneshot(request).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], APP);
}
