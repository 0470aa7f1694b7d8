//! The requests that fetch keys: what they carry, and the client that sends them.

use std::convert::Infallible;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use auth_jwt::testing::IssuerServer;
use auth_jwt::{JwtAuth, RemoteKeys};
use http::{Request, Response};
use tower::service_fn;

use super::{accepted, issuer, keys, status, token};

#[tokio::test]
async fn r02_query_headers_and_bearer_token_are_sent() {
    let file = std::env::temp_dir().join(format!("auth-jwt-bearer-{}", std::process::id()));
    std::fs::write(&file, "first\n").unwrap();
    let (server, host) = (issuer().await, issuer().await);
    host.publish(server.issuer().jwks());
    let options = |keys: auth_jwt::RemoteKeysBuilder| {
        keys.query("appid", "a b")
            .header("X-Api-Key", "key")
            .header("X-Api-Key", "more")
            .bearer_file(&file)
    };
    let auth = server.auth_with(options(server.keys()));
    keys(&auth).ready().await.unwrap();
    std::fs::write(&file, "second").unwrap();
    keys(&auth).reload().await.unwrap();
    server.document("jwks_uri", host.keys_url());
    keys(&server.auth_with(options(server.keys()))).reload().await.unwrap();
    std::fs::remove_file(&file).unwrap();
    let error = keys(&auth).reload().await.unwrap_err();
    assert_eq!(error.kind(), auth_jwt::FetchErrorKind::Request, "{error}");

    let heads = server.requests().join("").to_lowercase();
    for (part, times) in [
        ("get /.well-known/openid-configuration?appid=a+b ", 2),
        ("get /jwks?appid=a+b ", 2),
        ("\r\nx-api-key: key\r\nx-api-key: more\r\n", 4),
        ("\r\nauthorization: bearer first\r\n", 2),
        ("\r\nauthorization: bearer second\r\n", 2),
        ("\r\naccept: application/json, application/jwk-set+json\r\n", 4),
    ] {
        assert_eq!(heads.matches(part).count(), times, "{part}");
    }
    let elsewhere = host.requests().join("").to_lowercase();
    assert!(elsewhere.contains("appid=a+b"));
    assert!(!elsewhere.contains("authorization") && !elsewhere.contains("x-api-key"));
}

#[tokio::test]
async fn r02_any_tower_service_is_a_client() {
    let server = issuer().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let (jwks, counted) = (server.issuer().jwks(), Arc::clone(&calls));
    let client = service_fn(move |request: Request<String>| {
        assert_eq!(request.uri(), "https://idp.example/keys");
        counted.fetch_add(1, Ordering::SeqCst);
        let jwks = jwks.clone();
        async move { Ok::<_, Infallible>(Response::new(jwks)) }
    });
    let auth = server.auth_with(RemoteKeys::jwks("https://idp.example/keys").client(client));
    assert_eq!(status(&auth, &token(&server)).await, 200);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn sec_103_a_client_is_not_asked_to_leave_https() {
    let client = service_fn(async |request: Request<String>| {
        assert_eq!(request.uri().scheme_str(), Some("https"), "{}", request.uri());
        let redirect = Response::builder().status(302).header("Location", "http://127.0.0.1/jwks");
        Ok::<_, Infallible>(redirect.body(String::new()).unwrap())
    });
    let keys = RemoteKeys::jwks("https://idp.example/keys").client(client).build().unwrap();
    let error = keys.reload().await.unwrap_err().to_string();
    assert!(error.contains("leads to http://127.0.0.1/jwks, which is not `https`"), "{error}");
}

#[tokio::test]
async fn r03_a_set_that_has_not_changed_is_not_sent_again() {
    let (server, auth, sent) = accepted().await;
    keys(&auth).reload().await.unwrap();
    let heads = server.requests();
    assert!(heads.last().unwrap().to_lowercase().contains("\r\nif-none-match: \""));
    assert_eq!(keys(&auth).status().keys, 1);
    assert_eq!(status(&auth, &sent).await, 200);
    super::replace_key(&server);
    keys(&auth).reload().await.unwrap();
    assert_eq!(status(&auth, &sent).await, 401);
    assert_eq!(status(&auth, &token(&server)).await, 200);
}

/// Runs the test below in a process of its own, because the variables are those of a process.
#[test]
fn r19_proxy_variables_of_the_system_are_not_read() {
    let mut test = Command::new(std::env::current_exe().unwrap());
    test.args([
        "--exact",
        "tokens::remote_keys::requests::a_server_without_a_proxy",
        "--include-ignored",
    ]);
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]
    {
        test.env(name, "http://127.0.0.1:9"); // nothing listens there
    }
    test.env_remove("NO_PROXY").env_remove("no_proxy");
    let output = test.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[tokio::test]
async fn a_server_without_a_proxy() {
    let server = IssuerServer::start().await;
    let auth = JwtAuth::discover(server.issuer().name());
    let auth = auth.clock(server.issuer().clock().clock());
    assert_eq!(status(&auth, &token(&server)).await, 200);
}
