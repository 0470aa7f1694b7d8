//! Revalidation: asking the store itself where a node otherwise answers from copies.

use std::convert::Infallible;

use auth_core::{Auth, AuthContext, AuthLayer, Identity, Refusal, Require, Transport};
use auth_store::Store;
use http::{Request, Response, header};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, ServiceExt, service_fn};

use crate::app::{Login, Me, User};
use crate::harness::{Client, Credential, Fault, Framework, Op, TestBackend, World};

suite!(secret: sec_05_revalidation_rejects_a_secret_replaced_on_another_node);

suite!(cookie: sec_05_a_revalidated_route_rejects_a_cookie_in_its_grace);

suite!(pair: sec_04_revalidation_rejects_a_token_from_before_a_new_sign_in);

suite!(every:
    sec_14_a_revalidated_route_refuses_an_ended_sign_in,
    sec_59_a_revalidated_route_uses_the_latest_roles,
    sec_59_a_revalidated_identity_has_the_latest_roles_and_claims,
    sec_76_a_revalidated_route_uses_no_copy_while_the_store_is_down,
    revalidation_without_an_identity_is_refused,
);

fn admin() -> Login {
    Login::from("alice").role("admin")
}

/// Signs in alice as an admin and lets this node copy the sign-in. Returns a client with her
/// credential, and the credential.
async fn with_a_copy(world: &World) -> (Client, Credential) {
    world.store.serve_stale_copies();
    let (client, credential) = world.sign_in(admin()).await;
    assert_eq!(client.get("/payments").await.status, 200);
    assert_eq!(client.get("/admin").await.status, 200);
    (client, credential)
}

fn principal(roles: &[&str]) -> Box<[u8]> {
    let roles: Vec<Box<str>> = roles.iter().map(|role| (*role).into()).collect();
    auth_store::encode(&roles, &User { name: "QUEEN".to_owned() }).unwrap()
}

async fn sec_14_a_revalidated_route_refuses_an_ended_sign_in(world: World) {
    let (client, _) = with_a_copy(&world).await;
    world.store.revoke_subject("alice").await.unwrap();
    if world.uses_copies() {
        assert_eq!(client.get("/admin").await.status, 200, "answered from the old copy");
    }
    for path in ["/payments", "/revalidated"] {
        let refused = client.get(path).await;
        assert_eq!(refused.status, 401, "{path}");
        let challenge = refused.header(header::WWW_AUTHENTICATE);
        let by_token = world.transport() == Transport::Explicit;
        assert_eq!(challenge.contains("invalid_token"), by_token, "{path}: {challenge}");
    }
}

async fn sec_59_a_revalidated_route_uses_the_latest_roles(world: World) {
    let (client, _) = with_a_copy(&world).await;
    world.store.update_subject("alice", &principal(&[])).await.unwrap();
    if world.uses_copies() {
        assert_eq!(client.get("/admin").await.status, 200, "answered from the old copy");
    }
    assert_eq!(client.get("/payments").await.status, 403);
    world.store.update_subject("alice", &principal(&["admin"])).await.unwrap();
    assert_eq!(client.get("/payments").await.status, 200);
}

async fn sec_59_a_revalidated_identity_has_the_latest_roles_and_claims(world: World) {
    let (client, _) = with_a_copy(&world).await;
    world.store.update_subject("alice", &principal(&["auditor"])).await.unwrap();
    let me = client.get("/revalidated").await.json::<Me>();
    assert_eq!((&*me.name, &me.roles[..]), ("QUEEN", &["auditor".to_owned()][..]));
}

async fn sec_76_a_revalidated_route_uses_no_copy_while_the_store_is_down(world: World) {
    let (client, _) = with_a_copy(&world).await;
    world.store.set(Op::Load, Fault::Fails);
    if world.uses_copies() {
        assert_eq!(client.get("/admin").await.status, 200, "answered from the copy");
    }
    for path in ["/payments", "/revalidated"] {
        let refused = client.get(path).await;
        assert!(refused.is_unavailable(), "{path}: {refused:?}");
    }
    world.store.clear_faults();
    assert_eq!(client.get("/payments").await.status, 200);
}

async fn revalidation_without_an_identity_is_refused(world: World) {
    let visitor = world.client();
    visitor.post("/cart").body("tea").await;
    for client in [world.client(), visitor] {
        for path in ["/payments", "/revalidated"] {
            let refused = client.get(path).await;
            assert_eq!(refused.status, 401, "{path}");
            let challenge = refused.header(header::WWW_AUTHENTICATE);
            assert!(!challenge.is_empty() && !challenge.contains("invalid_token"), "{challenge}");
        }
    }
}

async fn sec_05_revalidation_rejects_a_secret_replaced_on_another_node(world: World) {
    let (client, old) = with_a_copy(&world).await;
    // A step-up leaves the old secret no grace, which a refresh would.
    client.signed_in(admin()).await;
    let thief = world.client_with(&old);
    if world.uses_copies() {
        assert_eq!(thief.get("/admin").await.status, 200, "answered from the old copy");
    }
    assert_eq!(thief.get("/payments").await.status, 401);
}

async fn sec_05_a_revalidated_route_rejects_a_cookie_in_its_grace(world: World) {
    let (client, old) = with_a_copy(&world).await;
    client.refreshed().await;
    let late = world.client_with(&old);
    assert_eq!(late.get("/payments").await.status, 401);
    assert_eq!(late.get("/admin").await.status, 200, "another route accepts it for ten seconds");
    assert_eq!(client.get("/payments").await.status, 200);
}

async fn sec_04_revalidation_rejects_a_token_from_before_a_new_sign_in(world: World) {
    let (client, old) = with_a_copy(&world).await;
    client.signed_in(admin()).await;
    let thief = world.client_with(&old.access_alone());
    assert_eq!(thief.get("/admin").await.status, 200, "answered from the old copy");
    assert_eq!(thief.get("/payments").await.status, 401);
}

/// A check without a layer fails closed, and the error tells the developer why.
#[tokio::test]
async fn a_check_without_a_layer_fails_and_says_why() {
    let world = World::start(TestBackend::session(), Framework::Hyper).await;
    let credential = world.client().signed_in("alice").await;
    let answer = world.handle(Some(&credential), async |head| {
        let context = AuthContext::of(&head.extensions, "the test").unwrap();
        let check = || Require::any([Require::revalidated()]).check(context);
        let Err(Refusal::Config(error)) = check() else { panic!("the check must fail") };
        assert!(error.to_string().contains("auth.revalidate().await"), "{error}");
        Auth::<User>::of(&head).unwrap().revalidate().await.unwrap();
        assert!(check().is_ok());
        let awaited = Require::async_predicate(|_: Identity<User>| async { Ok(true) });
        let Err(Refusal::Config(error)) = awaited.check(context) else { panic!("it cannot await") };
        assert!(error.to_string().contains("call `enforce`"), "{error}");
        assert!(awaited.enforce(&head).await.is_ok());
        Response::new(String::new())
    });
    assert_eq!(answer.await.status(), 200);
}

/// Refusals of a revalidated route are gRPC statuses for a gRPC client.
#[tokio::test]
async fn a_failed_revalidation_is_a_grpc_status() {
    for backend in [
        TestBackend::session,
        TestBackend::session_bearer,
        TestBackend::jwt,
        TestBackend::jwt_eddsa,
    ] {
        let world = World::start(backend(), Framework::Hyper).await;
        let (_, credential) = with_a_copy(&world).await;
        let pay = async || {
            let service = service_fn(async |_: Request<Body>| {
                Ok::<_, Infallible>(Status::ok("paid").into_http::<Body>())
            });
            let service = AuthLayer::new(world.auth()).layer(Require::revalidated().layer(service));
            let (name, value) = credential.header();
            let request =
                Request::post("/shop.Shop/Pay").header("content-type", "application/grpc");
            let request = request.header(name, value).body(Body::default()).unwrap();
            let response = service.oneshot(request).await.unwrap();
            Status::from_header_map(response.headers()).unwrap().code()
        };
        assert_eq!(pay().await, Code::Ok);
        world.store.set(Op::Load, Fault::Fails);
        assert_eq!(pay().await, Code::Unavailable);
        world.store.clear_faults();
        world.store.revoke_subject("alice").await.unwrap();
        assert_eq!(pay().await, Code::Unauthenticated);
    }
}
