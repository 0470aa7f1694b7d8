//! Refusals in the form that gRPC clients understand.

use std::convert::Infallible;
use std::sync::Arc;

use auth_core::{AuthLayer, Refusal, Require};
use http::{Request, Response, StatusCode};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, ServiceExt, service_fn};

use crate::app::Login;
use crate::harness::{Credential, Fault, Framework, TestBackend, World};

const BACKENDS: [fn() -> TestBackend; 4] =
    [TestBackend::session, TestBackend::session_bearer, TestBackend::token, TestBackend::jwt_eddsa];

/// Calls a service that requires the role `admin`. `change` modifies the request first.
async fn call(
    world: &World,
    credential: Option<&Credential>,
    content_type: &str,
) -> Response<Body> {
    let service = service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Status::ok("welcome").into_http::<Body>())
    });
    let service = Require::role("admin").layer(service);
    let layer = AuthLayer::new(world.auth());
    let mut request = Request::post("/shop.Shop/Buy").header("content-type", content_type);
    if let Some((name, value)) = credential.map(Credential::header) {
        request = request.header(name, value);
    }
    layer.layer(service).oneshot(request.body(Body::default()).unwrap()).await.unwrap()
}

fn code(response: &Response<Body>) -> Code {
    assert_eq!(response.status(), StatusCode::OK, "gRPC has its own status header");
    Status::from_header_map(response.headers()).unwrap().code()
}

#[tokio::test]
async fn every_refusal_is_a_grpc_status() {
    for backend in BACKENDS {
        let world = World::start(backend(), Framework::Hyper).await;
        let buyer = world.client().signed_in("alice").await;
        let tampered = buyer.tampered();
        let admin = world.client().signed_in(Login::from("root").role("admin")).await;
        for content_type in ["application/grpc", "application/grpc+proto", "application/grpc-web"] {
            let call = async |credential| call(&world, credential, content_type).await;
            let anonymous = call(None).await;
            assert_eq!(code(&anonymous), Code::Unauthenticated);
            assert_eq!(anonymous.headers()["content-type"], content_type);
            assert!(anonymous.headers().contains_key("www-authenticate"));
            assert!(anonymous.extensions().get::<Arc<Refusal>>().is_some());
            assert_eq!(code(&call(Some(&tampered)).await), Code::Unauthenticated);
            assert_eq!(code(&call(Some(&buyer)).await), Code::PermissionDenied);
            assert_eq!(code(&call(Some(&admin)).await), Code::Ok);
            world.store.set_all(Fault::Fails);
            assert_eq!(code(&call(Some(&admin)).await), Code::Unavailable);
            world.store.clear_faults();
        }
    }
}

#[tokio::test]
async fn a_request_that_is_not_grpc_is_refused_as_http() {
    for backend in BACKENDS {
        let world = World::start(backend(), Framework::Hyper).await;
        for content_type in ["application/json", "text/plain; note=application/grpc"] {
            let refused = call(&world, None, content_type).await;
            assert_eq!(refused.status(), 401);
            assert!(!refused.headers().contains_key("grpc-status"));
        }
    }
}
