//! Keys that are fetched from their issuer. A test whose name begins with `r` and a number checks the
//! requirement of that number in `docs/remote-keys.md`.

mod by_rule;
mod documents;
mod faults;
mod keys;
mod lifetime;
mod observation;
mod page;
mod requests;
mod rotation;

use std::convert::Infallible;
use std::time::Duration;

use auth_core::Claims;
use auth_jwt::testing::{IssuerServer, TestToken};
use auth_jwt::{Algorithm, JwtAuth, RemoteKeys, SigningKey};
use http::{Request, Response, header};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use super::kit::{Signer, with};

const DAY: Duration = Duration::from_secs(24 * 3600);
const COOLDOWN: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(5);

async fn issuer() -> IssuerServer {
    IssuerServer::start().await.audience("shop")
}

/// Returns a token for a long time, so that only its key decides.
fn token(server: &IssuerServer) -> String {
    long(server).sign()
}

fn long(server: &IssuerServer) -> TestToken {
    server.issuer().token("alice").lifetime(100 * DAY)
}

/// Returns an issuer, a layer that has its keys, and a token of the issuer that the layer accepted.
async fn accepted() -> (IssuerServer, JwtAuth<Claims>, String) {
    accepted_with(|auth| auth).await
}

/// The same, with more options of the layer.
async fn accepted_with(
    options: impl Fn(JwtAuth<Claims>) -> JwtAuth<Claims>,
) -> (IssuerServer, JwtAuth<Claims>, String) {
    let server = issuer().await;
    let (auth, token) = (options(server.auth()), token(&server));
    assert_eq!(status(&auth, &token).await, 200);
    (server, auth, token)
}

/// Returns claims that this issuer could have signed.
fn claims_of(server: &IssuerServer) -> Value {
    with(json!({ "iss": server.issuer().name() }))
}

/// Returns a token with a `kid` that the issuer never published.
fn stranger(server: &IssuerServer, kid: &str) -> String {
    let signer = Signer::new(Algorithm::EdDsa);
    signer.forge(&json!({ "alg": "EdDSA", "kid": kid }), &claims_of(server))
}

/// Returns the status of a request with this token.
async fn status(auth: &JwtAuth<Claims>, token: &str) -> u16 {
    let credentials = format!("Bearer {token}");
    let request = Request::get("/").header(header::AUTHORIZATION, credentials).body(()).unwrap();
    let handler =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(String::new())));
    let response = auth.layer(handler).oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    assert_eq!(status == 503, response.headers().contains_key(header::RETRY_AFTER));
    status
}

/// Returns the keys of the only issuer.
fn keys(auth: &JwtAuth<Claims>) -> RemoteKeys {
    auth.remote_keys().next().unwrap().clone()
}

/// Returns the error of the fetch that a reload causes.
async fn failure(auth: &JwtAuth<Claims>) -> String {
    let error = keys(auth).reload().await.unwrap_err();
    assert_eq!(keys(auth).status().last_error.unwrap().to_string(), error.to_string());
    format!("{}: {error}", error.kind().as_str())
}

/// Replaces the key of the issuer at once, without notice.
fn replace_key(server: &IssuerServer) {
    let keys = server.issuer().keys();
    let jwks: Value = serde_json::from_str(&keys.jwks()).unwrap();
    keys.rotate(SigningKey::generate(Algorithm::EdDsa).unwrap()).unwrap();
    for key in jwks["keys"].as_array().unwrap() {
        keys.withdraw(key["kid"].as_str().unwrap()).unwrap();
    }
}

/// Lets the other tasks run that are ready.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
