//! The endpoints for other programs: revocation (RFC 7009) and introspection (RFC 7662).

use auth_jwt::{ClientSecrets, EndpointService, JwtSignIn};
use auth_store::Lifetime;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Method, Request, Response, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{Login, User};
use crate::harness::{Credential, Fault, HOUR, MINUTE, Op, World, claims, jwt, jwt_eddsa};

suite!(pair:
    sec_68_a_revoked_refresh_token_ends_its_sign_in,
    sec_14_a_revoked_access_token_ends_its_sign_in,
    sec_86_revoking_another_token_changes_nothing,
    sec_76_a_failed_revocation_is_reported,
    sec_86_a_client_revokes_only_tokens_that_it_holds,
    sec_93_a_revocation_completes_if_the_client_hangs_up,
    a_token_of_a_sign_in_is_active,
    sec_75_an_introspection_shows_only_the_application_claims_that_are_named,
    sec_59_an_introspected_token_has_the_roles_of_its_sign_in,
    sec_14_a_token_of_an_ended_sign_in_is_inactive,
    sec_81_a_refresh_token_is_inactive,
    sec_76_a_failed_introspection_is_reported,
    an_introspection_extends_the_idle_timeout,
    only_clients_introspect,
    other_requests_than_a_form_with_a_token_are_refused,
);

const SECRET: &str = "4hTyZ0vVnJ3sWm8qLx2bKd7RfGc5PaEu";

/// Returns the backend that issued this credential.
fn issuer(world: &World, credential: &Credential) -> JwtSignIn<User> {
    let [jwt, jwt_eddsa] = [jwt(&world.setup), jwt_eddsa(&world.setup)];
    let header = credential.text().split('.').next().unwrap();
    let by_secret = jwt_of("HS256").starts_with(header);
    if by_secret { jwt } else { jwt_eddsa }
}

/// Returns the start of a token of this algorithm that we issue.
fn jwt_of(algorithm: &str) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"at+jwt"}}"#);
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(header)
}

fn clients() -> ClientSecrets {
    ClientSecrets::new().client("warehouse", SECRET)
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(credentials))
}

fn form(body: &str) -> Request<String> {
    let form = "application/x-www-form-urlencoded";
    let request = Request::post("/").header(header::CONTENT_TYPE, form);
    request.body(body.to_owned()).unwrap()
}

async fn ask(service: &EndpointService, request: Request<String>) -> Response<String> {
    service.clone().oneshot(request).await.unwrap()
}

async fn revoke(world: &World, credential: &Credential, token: &str) -> Response<String> {
    let service = issuer(world, credential).revocation_service();
    ask(&service, form(&format!("token={token}&token_type_hint=unknown"))).await
}

/// Introspects as a client.
async fn introspect(auth: &JwtSignIn<User>, token: &str) -> Response<String> {
    let service = auth.introspection_service(clients());
    ask(&service, authorized(form(&format!("token={token}")))).await
}

fn authorized(mut request: Request<String>) -> Request<String> {
    let credentials = basic(&format!("warehouse:{SECRET}"));
    request.headers_mut().insert(header::AUTHORIZATION, credentials.parse().unwrap());
    request
}

async fn introspected(world: &World, credential: &Credential, token: &str) -> Value {
    introspected_by(&issuer(world, credential), token).await
}

async fn introspected_by(auth: &JwtSignIn<User>, token: &str) -> Value {
    let response = introspect(auth, token).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    serde_json::from_str(response.body()).unwrap()
}

async fn sec_68_a_revoked_refresh_token_ends_its_sign_in(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.refreshed().await;
    // One that was replaced still names its sign-in.
    for token in [old.refresh().unwrap(), new.refresh().unwrap()] {
        let (_, other) = world.sign_in("alice").await;
        assert_eq!(revoke(&world, &new, token).await.status(), 200);
        assert_eq!(world.statuses([&old, &new, &other]).await, [401, 401, 200]);
        assert_eq!(world.client_with(&new).post("/refresh").await.status, 401);
    }
}

async fn sec_14_a_revoked_access_token_ends_its_sign_in(world: World) {
    let world = world.with_short_tokens().await;
    for late in [false, true] {
        let (_, credential) = world.sign_in("alice").await;
        if late {
            world.advance(MINUTE * 6);
        }
        let response = revoke(&world, &credential, credential.text()).await;
        assert_eq!((response.status().as_u16(), response.body().as_str()), (200, ""));
        assert_eq!(world.client_with(&credential).post("/refresh").await.status, 401);
        assert_eq!(world.sign_in_count().await, 0);
    }
}

async fn sec_86_revoking_another_token_changes_nothing(world: World) {
    let (client, old) = world.sign_in("alice").await;
    let new = client.signed_in("alice").await;
    let forged = new.forged();
    let tokens = [old.text(), old.refresh().unwrap(), forged.text(), forged.refresh().unwrap()];
    for token in tokens.into_iter().chain(["a", "ref_", "a.b.c"]) {
        assert_eq!(revoke(&world, &new, token).await.status(), 200, "{token}");
        assert_eq!(world.status_of(&new).await, 200, "{token}");
    }
}

/// All tokens have the same client, so holding a token is what entitles a client of the list to revoke it.
async fn sec_86_a_client_revokes_only_tokens_that_it_holds(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let (_, other) = world.sign_in("alice").await;
    let clients = clients().client("office", format!("another {SECRET}"));
    let service = issuer(&world, &credential).revocation_service().clients(clients);
    let revoke = async |token: &str, secret: &str| {
        let mut request = form(&format!("token={token}"));
        let credentials = basic(&format!("office:{secret}"));
        request.headers_mut().insert(header::AUTHORIZATION, credentials.parse().unwrap());
        ask(&service, request).await.status()
    };
    let right = format!("another {SECRET}");
    let claims = claims(other.text());
    for name in [&claims["sid"], &claims["jti"], &claims["sub"]] {
        assert_eq!(revoke(name.as_str().unwrap(), &right).await, 200, "a name is no token");
    }
    assert_eq!(revoke(credential.text(), SECRET).await, 401, "the secret of another client");
    assert_eq!(world.statuses([&credential, &other]).await, [200, 200]);
    assert_eq!(revoke(credential.text(), &right).await, 200);
    assert_eq!(world.statuses([&credential, &other]).await, [401, 200]);
}

async fn sec_76_a_failed_revocation_is_reported(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    for op in [Op::Load, Op::Delete] {
        world.store.set(op, Fault::Fails);
        let response = revoke(&world, &credential, credential.text()).await;
        assert_eq!(response.status(), 503, "{op:?}");
        assert!(response.headers().contains_key(header::RETRY_AFTER));
        world.store.clear_faults();
    }
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn sec_93_a_revocation_completes_if_the_client_hangs_up(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    world.store.set(Op::Delete, Fault::Hangs);
    let service = issuer(&world, &credential).revocation_service();
    let request = form(&format!("token={}", credential.text()));
    let asked = tokio::spawn(service.oneshot(request));
    world.store.reached(Op::Delete, 1).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    world.store.clear_faults();
    while world.sign_in_count().await > 0 {
        tokio::task::yield_now().await;
    }
}

async fn a_token_of_a_sign_in_is_active(world: World) {
    let login = Login::from("alice").scope("read").scope("reports").acr("aal2").role("buyer");
    let (_, credential) = world.sign_in(login).await;
    let claims = claims(credential.text());

    let answer = introspected(&world, &credential, credential.text()).await;

    let expected = json!({
        "active": true, "token_type": "Bearer", "sub": "alice", "aud": "shop", "client_id": "shop",
        "exp": claims["exp"], "iat": claims["iat"], "jti": claims["jti"], "sid": claims["sid"],
        "auth_time": claims["auth_time"], "acr": "aal2", "amr": ["pwd"],
        "scope": "read reports", "roles": ["buyer"],
    });
    assert_eq!(answer, expected);
}

/// The fault: every client learnt all that the application keeps about a user.
async fn sec_75_an_introspection_shows_only_the_application_claims_that_are_named(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let auth = issuer(&world, &credential);
    for (auth, name) in [
        (auth.clone(), None),
        (auth.clone().introspected_claim("email"), None),
        (auth.clone().introspected_claim("fam").introspected_claim("name"), Some("ALICE")),
    ] {
        let answer = introspected_by(&auth, credential.text()).await;
        assert_eq!(answer["sub"], "alice");
        assert_eq!(answer.get("name").and_then(Value::as_str), name);
        assert_eq!(answer.get("fam"), None, "it is no claim of the application's");
    }
}

async fn sec_59_an_introspected_token_has_the_roles_of_its_sign_in(world: World) {
    let (_, credential) = world.sign_in(Login::from("alice").role("admin")).await;
    let auth = issuer(&world, &credential).introspected_claim("name");
    let user = User { name: "Ada".to_owned() };
    auth.update_claims("alice", &["buyer"], &user).await.unwrap();
    let answer = introspected_by(&auth, credential.text()).await;
    assert_eq!((&answer["roles"], &answer["name"]), (&json!(["buyer"]), &json!("Ada")));
    auth.update_claims("alice", &[], &user).await.unwrap();
    let answer = introspected(&world, &credential, credential.text()).await;
    assert_eq!(answer.get("roles"), None);
}

/// Returns the answer about every token that does not authenticate a request.
fn inactive() -> Value {
    json!({ "active": false })
}

async fn sec_14_a_token_of_an_ended_sign_in_is_inactive(world: World) {
    let (client, credential) = world.sign_in("alice").await;
    let forged = credential.forged();
    for token in [forged.text(), "a", "a.b.c"] {
        assert_eq!(introspected(&world, &credential, token).await, inactive());
    }
    assert_eq!(introspected(&world, &credential, credential.text()).await["active"], true);
    client.post("/logout").await;
    assert_eq!(introspected(&world, &credential, credential.text()).await, inactive());
}

/// A service that accepted every active token would accept one that must never authenticate a request.
async fn sec_81_a_refresh_token_is_inactive(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let refresh = credential.refresh().unwrap();
    assert_eq!(introspected(&world, &credential, refresh).await, inactive());
}

async fn sec_76_a_failed_introspection_is_reported(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    world.store.set_all(Fault::Fails);
    world.store.set(Op::Peek, Fault::Fails);
    let response = introspect(&issuer(&world, &credential), credential.text()).await;
    assert_eq!(response.status(), 503);
    assert_eq!(response.body(), r#"{"error":"temporarily_unavailable"}"#);
}

async fn an_introspection_extends_the_idle_timeout(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    for _ in 0..3 {
        world.advance(MINUTE * 40);
        assert_eq!(introspected(&world, &credential, credential.text()).await["active"], true);
        world.store.records().await; // the use is written in the background
    }
    world.advance(HOUR);
    assert_eq!(introspected(&world, &credential, credential.text()).await, inactive());
    assert_eq!(world.setup.lifetime, Lifetime::AAL2);
}

async fn only_clients_introspect(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let auth = issuer(&world, &credential);
    let encoded = "a+b%2Fc%3Ad"; // of the secret below
    let clients = clients().client("a b/c", "a b/c:d, which is longer than that");
    let service = auth.introspection_service(clients);
    let token = format!("token={}", credential.text());
    let status = async |credentials: &[String]| {
        let mut request = form(&token);
        for value in credentials {
            request.headers_mut().append(header::AUTHORIZATION, value.parse().unwrap());
        }
        ask(&service, request).await
    };
    let right = basic(&format!("warehouse:{SECRET}"));
    for right in [
        right.clone(),
        right.replace("Basic", "bAsIc"),
        basic("a b/c:a b/c:d, which is longer than that"),
        basic(&format!("a+b%2fc:{encoded}%2C+which+is+longer+than+that")),
    ] {
        assert_eq!(status(std::slice::from_ref(&right)).await.status(), 200, "{right}");
    }
    let bearer = format!("Bearer {}", credential.text());
    for wrong in [
        vec![],
        vec![right.clone(), right.clone()],
        vec![basic(&format!("warehouse:{SECRET}a"))],
        vec![basic(&format!("shop:{SECRET}"))],
        vec![basic(&format!("warehouse{SECRET}"))],
        vec![basic("warehouse:")],
        vec![right.replace("Basic", "Bearer")],
        vec!["Basic".to_owned()],
        vec!["Basic ~".to_owned()],
        vec![bearer],
    ] {
        let response = status(&wrong).await;
        assert_eq!(response.status(), 401, "{wrong:?}");
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], r#"Basic realm="api""#);
        assert_eq!(response.body(), r#"{"error":"invalid_client"}"#);
    }
    let revocation = auth.revocation_service().clients(ClientSecrets::new());
    assert_eq!(ask(&revocation, authorized(form(&token))).await.status(), 401);
    assert_eq!(world.status_of(&credential).await, 200);
}

async fn other_requests_than_a_form_with_a_token_are_refused(world: World) {
    let (_, credential) = world.sign_in("alice").await;
    let token = credential.text();
    let auth = issuer(&world, &credential).max_token_bytes(4096);
    let long = format!("token={}", "a".repeat(4096 * 4 + 1));
    for service in [auth.revocation_service(), auth.introspection_service(clients())] {
        let twice = format!("token={token}&token={token}");
        for body in ["", "token", "token=", "Token=a", "access_token=a", &twice, &long] {
            let response = ask(&service, authorized(form(body))).await;
            assert_eq!(response.status(), 400, "{body}");
            assert_eq!(response.body(), r#"{"error":"invalid_request"}"#);
        }
        let right = format!("token={token}");
        let mut json = authorized(form(&right));
        json.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
        assert_eq!(ask(&service, json).await.status(), 400);
        let mut get = authorized(form(&right));
        *get.method_mut() = Method::GET;
        let response = ask(&service, get).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()[header::ALLOW]),
            (405, &"POST".parse().unwrap())
        );
    }
    assert_eq!(world.status_of(&credential).await, 200);
}
