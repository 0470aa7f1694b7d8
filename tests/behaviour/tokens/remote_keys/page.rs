//! The blocks of `docs/remote-keys.md`, each in a function, so that they are compiled. They are not run, because
//! their issuers do not exist.

#![allow(dead_code, unused_variables)]

use std::sync::Arc;
use std::time::Duration;

use auth_core::BoxError;
use auth_jwt::{
    Auth, BackChannelLogout, Introspection, JwtAuth, Principal, ProtectedResource, RemoteIssuers,
    RemoteKeys, Revocations, Store, Timestamp, Validation, any_of,
};
use auth_session::SessionAuth;
use axum::{Router, routing::post};

use crate::tokens::providers::plain;

fn discover() {
    let auth = JwtAuth::discover("https://login.example").audience("shop");
}

async fn options() -> Result<(), BoxError> {
    let keys = RemoteKeys::jwks("https://login.example/keys")
        .max_staleness(Duration::from_secs(6 * 3600))
        .build()?;
    let auth = JwtAuth::new(keys.clone()).issuer("https://login.example").audience("shop");

    keys.ready().await?; // for a readiness probe; otherwise the first token fetches the keys
    Ok(())
}

fn several_issuers() {
    let tenants = RemoteIssuers::template("https://{tenant}.login.example").max_issuers(200);
    let auth = JwtAuth::new(tenants).audience("shop");
}

fn opaque_tokens(secret: &str) -> Result<(), BoxError> {
    let opaque = Introspection::new("https://login.example/introspect")
        .client("the-client-id", secret)
        .validation(Validation::new().issuer("https://login.example").audience("shop"))
        .build()?;
    let auth = any_of((JwtAuth::discover("https://login.example").audience("shop"), opaque));
    Ok(())
}

async fn revocations(
    store: &Arc<dyn Store>,
    [jti, sid, sub]: [&str; 3],
    now: Timestamp,
) -> Result<(), BoxError> {
    let revocations = Revocations::new(store.clone());
    let auth = JwtAuth::discover("https://login.example")
        .audience("shop")
        .revocations(revocations.clone());

    revocations.revoke_token("https://login.example", jti).await?; // one token
    revocations.revoke_session("https://login.example", sid).await?; // all tokens of a session at the provider
    revocations.revoke_subject("https://login.example", sub, now).await?; // all tokens issued until now
    Ok(())
}

fn logout(auth: &SessionAuth, app: Router) {
    let client = Validation::new().audience("the-client-id");
    let logout = BackChannelLogout::new(RemoteKeys::discover("https://login.example"), client)
        .sign_ins(auth.sign_in_manager());
    let app: Router = app.route_service("/backchannel-logout", logout.service()); // outside of the layer
}

async fn login(
    auth: Auth,
    principal: Principal,
    [issuer, sub, sid]: [&str; 3],
    issued_at: Timestamp,
) -> Result<(), BoxError> {
    use auth_jwt::ProviderSession;

    let session = ProviderSession::new(issuer, sub, issued_at).sid(sid);
    auth.sign_in(principal).provider_session(session).await?;
    Ok(())
}

async fn handle() {}

fn protected_resource() -> Router {
    let auth = JwtAuth::discover("https://login.example")
        .audience("https://api.example/mcp")
        .protected_resource(ProtectedResource::new("https://api.example/mcp").scope("tools:read"));
    let metadata = auth.resource_metadata();
    let mut app = Router::new().route("/mcp", post(handle)).layer(auth);
    for path in metadata.paths() {
        app = app.route_service(path, metadata.clone());
    }
    app
}

fn kubernetes() -> Result<(), BoxError> {
    let service_account = "/var/run/secrets/kubernetes.io/serviceaccount";
    let keys = RemoteKeys::jwks("https://kubernetes.default.svc/openid/v1/jwks")
        .certificate_authorities(std::fs::read(format!("{service_account}/ca.crt"))?)
        .bearer_file(format!("{service_account}/token"))
        .build()?;
    Ok(())
}

#[test]
fn every_block_of_the_page_is_compiled() {
    let page = include_str!("../../../../docs/remote-keys.md");
    let blocks: Vec<_> = page.split("```rust\n").skip(1).collect();
    assert!(blocks.len() > 8);
    let compiled = plain(include_str!("page.rs"));
    for block in blocks {
        let block = block.split("```").next().unwrap();
        assert!(compiled.contains(&plain(block)), "{block}");
    }
}
