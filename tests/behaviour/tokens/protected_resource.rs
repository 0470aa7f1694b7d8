//! Protected resource metadata (RFC 9728): how a client finds the authorization server of an API.

use std::convert::Infallible;

use auth_core::{Claims, Require};
use auth_jwt::testing::TestIssuer;
use auth_jwt::{JwtAuth, ProtectedResource, Validation};
use http::{HeaderMap, Method, Request, Response, header};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use super::kit::{NOW, Signer};

const RESOURCE: &str = "https://api.example/mcp";
const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource/mcp";

fn issuer() -> TestIssuer {
    TestIssuer::new("https://login.example").audience(RESOURCE)
}

/// Returns the status and the challenge of a request with this token.
async fn ask(auth: &JwtAuth<Claims>, require: Require, token: Option<String>) -> (u16, String) {
    let mut request = Request::get("/");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
    let service = auth.layer(require.layer(handler));
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    let challenge = response.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.map_or("", |value| value.to_str().unwrap()).to_owned();
    (response.status().as_u16(), challenge)
}

#[tokio::test]
async fn challenges_lead_to_the_metadata() {
    let issuer = issuer();
    let plain = issuer.auth().protected_resource(RESOURCE);
    let any = Require::authenticated;
    let bearer = format!(r#"Bearer realm="api", resource_metadata="{METADATA}""#);
    assert_eq!(ask(&plain, any(), None).await, (401, bearer.clone()));
    let scoped = ProtectedResource::new(RESOURCE).scope("tools:read").scope("tools:call");
    let scoped = issuer.auth().protected_resource(scoped.scope("offline_access"));
    let with_scope = format!(r#"{bearer}, scope="tools:read tools:call""#);
    assert_eq!(ask(&scoped, any(), None).await, (401, with_scope));
    let (status, challenge) = ask(&scoped, any(), Some("e30.e30.AA".to_owned())).await;
    let invalid = format!(
        r#"Bearer realm="api", error="invalid_token", resource_metadata="{METADATA}", scope="tools:read tools:call""#
    );
    assert_eq!((status, challenge), (401, invalid));
}

#[tokio::test]
async fn a_403_names_all_scopes_of_the_operation_once() {
    let issuer = issuer();
    let auth =
        issuer.auth().protected_resource(ProtectedResource::new(RESOURCE).scope("tools:read"));
    let require = || {
        let call = Require::all([Require::scope("tools:call"), Require::scope("tools:read")]);
        Require::all([Require::authenticated(), Require::scope("tools:read"), call])
    };
    let token = |scope: &str| Some(issuer.token("alice").claim("scope", scope).sign());
    let expected = format!(
        r#"Bearer realm="api", error="insufficient_scope", scope="tools:read tools:call", resource_metadata="{METADATA}""#
    );
    for lacking in ["", "tools:read", "tools:call"] {
        assert_eq!(ask(&auth, require(), token(lacking)).await, (403, expected.clone()));
    }
    assert_eq!(ask(&auth, require(), token("tools:call tools:read")).await.0, 200);
    let either = Require::any([Require::scope("a"), require()]);
    let (status, challenge) = ask(&auth, either, token("")).await;
    assert!(status == 403 && challenge.contains(r#"scope="tools:read tools:call""#), "{challenge}");
    let role = Require::all([Require::role("admin"), Require::scope("a")]);
    assert_eq!(ask(&auth, role, token("")).await, (403, String::new()));
}

#[tokio::test]
async fn a_step_up_leads_to_the_metadata() {
    let issuer = issuer();
    let auth = issuer.auth().protected_resource(RESOURCE);
    let token = issuer.token("alice").claim("auth_time", NOW - 1000).sign();
    let require = Require::max_auth_age(std::time::Duration::from_secs(60));
    let (status, challenge) = ask(&auth, require, Some(token)).await;
    assert_eq!(status, 401);
    assert!(challenge.contains(METADATA) && !challenge.contains("scope="), "{challenge}");
}

/// Returns the response of the metadata service.
async fn get(auth: &JwtAuth<Claims>, method: Method, path: &str) -> (u16, HeaderMap, String) {
    let request = Request::builder().method(method).uri(path).body(()).unwrap();
    let response = auth.resource_metadata().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    (parts.status.as_u16(), parts.headers, body)
}

#[tokio::test]
async fn the_metadata_is_at_both_well_known_paths() {
    let issuer = issuer();
    let other = Validation::new().issuer("https://partner.example").audience(RESOURCE);
    let auth = issuer
        .auth()
        .trusted_issuer(Signer::new(auth_jwt::Algorithm::Es256).key, other)
        .protected_resource(ProtectedResource::new(RESOURCE).scope("tools:read").name("Tools"));
    let paths: Vec<_> = auth.resource_metadata().paths().map(str::to_owned).collect();
    let root = "/.well-known/oauth-protected-resource";
    assert_eq!(paths, [root.to_owned(), format!("{root}/mcp")]);
    for path in &paths {
        let (status, headers, body) = get(&auth, Method::GET, path).await;
        assert_eq!(status, 200);
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*", "browsers may read it");
        let document: Value = serde_json::from_str(&body).unwrap();
        let expected = json!({
            "resource": RESOURCE,
            "authorization_servers": ["https://login.example", "https://partner.example"],
            "scopes_supported": ["tools:read"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Tools",
        });
        assert_eq!(document, expected);
        let (status, headers, empty) = get(&auth, Method::HEAD, path).await;
        assert_eq!((status, &*empty), (200, ""));
        assert_eq!(headers[header::CONTENT_LENGTH], *body.len().to_string());
        assert_eq!(get(&auth, Method::POST, path).await.0, 405);
    }
    for path in ["/", "/mcp", "/.well-known", "/.well-known/oauth-protected-resource/mcp/x"] {
        assert_eq!(get(&auth, Method::GET, path).await.0, 404, "{path}");
    }
}

#[tokio::test]
async fn the_metadata_may_name_another_authorization_server() {
    let resource =
        ProtectedResource::new("https://api.example").authorization_server("https://as.example");
    let auth = issuer().auth().protected_resource(resource);
    let (_, _, body) = get(&auth, Method::GET, "/.well-known/oauth-protected-resource").await;
    let document: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(document["authorization_servers"], json!(["https://as.example"]));
    assert_eq!(auth.resource_metadata().paths().count(), 1);
}

#[test]
#[should_panic(expected = "`protected_resource` must be an `https` URL")]
fn a_resource_without_https_is_rejected() {
    let _ = issuer().auth().protected_resource("http://api.example/mcp");
}

#[test]
#[should_panic(expected = "set `protected_resource` before")]
fn the_metadata_needs_a_resource() {
    let _ = issuer().auth().resource_metadata();
}
