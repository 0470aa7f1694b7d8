//! Refusals of requests that claim to be gRPC: they keep their HTTP status, and have a gRPC status beside it.

use std::convert::Infallible;
use std::sync::Arc;

use auth_core::{AuthLayer, Refusal, Require};
use auth_servers::Nginx;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Request, Response};
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status, client};
use tower::{Layer, ServiceExt, service_fn};

use crate::app::Login;
use crate::harness::{Call, Client, Credential, Fault, Framework, Policy, TestBackend, World};

suite!(every: sec_89_a_refusal_has_the_same_status_whatever_the_content_type);

suite!(cookie: sec_89_a_refusal_of_another_site_has_the_same_status_whatever_the_content_type);

const BACKENDS: [fn() -> TestBackend; 4] =
    [TestBackend::session, TestBackend::session_bearer, TestBackend::token, TestBackend::jwt_eddsa];

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

const GRPC: [&str; 4] =
    ["application/grpc", "application/grpc+proto", "application/grpc-web", "application/grpc;a=b"];

/// Returns the HTTP status and the gRPC status of the response to each content type.
async fn statuses(call: impl Fn() -> Call) -> Vec<(u16, String)> {
    let plain = call().header("content-type", "text/plain").await;
    assert!(!plain.headers.contains_key("grpc-status"), "{plain:?}");
    let mut found = vec![(plain.status.as_u16(), plain.header(GRPC_STATUS))];
    for content_type in GRPC {
        let reply = call().header("content-type", content_type).await;
        assert!(reply.body.is_empty(), "{reply:?}");
        found.push((reply.status.as_u16(), reply.header(GRPC_STATUS)));
    }
    found
}

/// Checks that all content types get this HTTP status, and those of gRPC this gRPC status.
async fn refused(status: u16, code: Code, call: impl Fn() -> Call) {
    let mut expected = vec![(status, String::new())];
    expected.extend([(); GRPC.len()].map(|()| (status, (code as i32).to_string())));
    assert_eq!(statuses(call).await, expected);
}

async fn sec_89_a_refusal_has_the_same_status_whatever_the_content_type(world: World) {
    let (buyer, credential) = world.sign_in(Login::from("alice").role("buyer")).await;
    let tampered = world.client_with(&credential.tampered());
    for path in ["/me", "/admin", "/reports", "/strong", "/step-up"] {
        refused(401, Code::Unauthenticated, || world.client().get(path)).await;
        refused(401, Code::Unauthenticated, || tampered.get(path)).await;
    }
    refused(403, Code::PermissionDenied, || buyer.get("/admin")).await;
    refused(403, Code::PermissionDenied, || buyer.get("/reports")).await;
    refused(401, Code::Unauthenticated, || buyer.get("/strong")).await;
    let unknown = || world.client().get("/me").header("authorization", "Basic abc");
    refused(401, Code::Unauthenticated, unknown).await;

    let strict = world.with(|setup| setup.policy = Policy::Required).await;
    refused(401, Code::Unauthenticated, || strict.client().get("/")).await;
    refused(401, Code::Unauthenticated, || strict.client_with(&credential.forged()).get("/")).await;

    world.store.set_all(Fault::Fails);
    refused(503, Code::Unavailable, || buyer.get("/payments")).await;
    refused(503, Code::Unavailable, || buyer.get("/me")).await;
}

async fn sec_89_a_refusal_of_another_site_has_the_same_status_whatever_the_content_type(
    world: World,
) {
    let (client, _) = world.sign_in("alice").await;
    for path in ["/cart", "/no-such-page"] {
        let call = || client.post(path).header("sec-fetch-site", "cross-site");
        refused(403, Code::PermissionDenied, call).await;
    }
}

/// The proxy passes a request on if the answer of this server has the status 200, and reads nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[cfg_attr(not(feature = "services"), ignore = "needs nginx, which tests/run installs")]
async fn sec_89_no_request_talks_its_way_past_a_proxy_that_asks() {
    for backend in BACKENDS {
        let world = World::start(backend(), Framework::Hyper).await;
        let nginx = Nginx::asking(world.port());
        let admin = world.client().signed_in(Login::from("root").role("admin")).await;
        let buyer = world.client().signed_in(Login::from("alice").role("buyer")).await;
        let tampered = buyer.tampered();
        let through = |credential: Option<&Credential>| -> Client {
            let client = world.client_of(nginx.port());
            credential.map_or(client.clone(), |credential| client.with_credential(credential))
        };
        for content_type in GRPC.into_iter().chain(["text/plain"]) {
            let ask = async |credential, path: &str| {
                let call = through(credential).get(path).header("content-type", content_type);
                let reply = call.await;
                (reply.status.as_u16(), reply.text() == "private page")
            };
            assert_eq!(ask(Some(&admin), "/admin").await, (200, true));
            assert_eq!(ask(Some(&buyer), "/me").await, (200, true));
            assert_eq!(ask(None, "/me").await, (401, false), "{content_type}");
            assert_eq!(ask(Some(&tampered), "/me").await, (401, false), "{content_type}");
            assert_eq!(ask(Some(&buyer), "/admin").await, (403, false), "{content_type}");
            assert_eq!(ask(None, "/no-such-page").await, (500, false), "nginx knows 2xx, 401, 403");
            if world.reads_cookies() && !world.reads_tokens() {
                let client = through(Some(&buyer));
                let handshake = client.get("/me").header("upgrade", "websocket");
                for call in [handshake, client.post("/cart").body("apple")] {
                    let call = call.header("content-type", content_type);
                    let reply = call.header("sec-fetch-site", "cross-site").await;
                    assert_eq!(reply.status, 403, "{content_type}");
                }
            }
            world.store.set_all(Fault::Fails);
            assert_eq!(ask(Some(&admin), "/payments").await, (500, false), "{content_type}");
            world.store.clear_faults();
        }
    }
}

/// Calls a service that requires the role `admin` with a tonic client, and returns its error.
async fn refusal(world: &World, credential: Option<&Credential>) -> Status {
    let service = service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(Status::ok("welcome").into_http::<Body>())
    });
    let service = AuthLayer::new(world.auth()).layer(Require::role("admin").layer(service));
    let service = service.map_response(|response: Response<Body>| {
        assert_ne!(response.status(), 200, "the HTTP status is that of the refusal");
        assert!(response.extensions().get::<Arc<Refusal>>().is_some());
        response
    });
    let mut request = tonic::Request::new(());
    if let Some((name, value)) = credential.map(Credential::header) {
        let headers = HeaderMap::from_iter([(name, value.parse().unwrap())]);
        *request.metadata_mut() = MetadataMap::from_headers(headers);
    }
    let mut client = client::Grpc::new(service);
    client.ready().await.unwrap();
    let path = PathAndQuery::from_static("/shop.Shop/Buy");
    client.unary::<(), (), _>(request, path, Nothing).await.unwrap_err()
}

#[tokio::test]
async fn sec_89_a_grpc_client_reads_the_grpc_status_whatever_the_http_status_is() {
    for backend in BACKENDS {
        let world = World::start(backend(), Framework::Hyper).await;
        let buyer = world.client().signed_in("alice").await;
        assert_eq!(refusal(&world, None).await.code(), Code::Unauthenticated);
        let status = refusal(&world, Some(&buyer.tampered())).await;
        assert_eq!(status.code(), Code::Unauthenticated);
        assert!(status.metadata().contains_key("www-authenticate"));
        assert_eq!(refusal(&world, Some(&buyer)).await.code(), Code::PermissionDenied);
        world.store.set_all(Fault::Fails);
        assert_eq!(refusal(&world, Some(&buyer)).await.code(), Code::Unavailable);
    }
}

/// The codec for messages without content.
struct Nothing;

impl Codec for Nothing {
    type Encode = ();
    type Decode = ();
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Nothing {
    type Item = ();
    type Error = Status;
    fn encode(&mut self, (): (), _: &mut EncodeBuf<'_>) -> Result<(), Status> {
        Ok(())
    }
}

impl Decoder for Nothing {
    type Item = ();
    type Error = Status;
    fn decode(&mut self, _: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        Ok(Some(()))
    }
}
