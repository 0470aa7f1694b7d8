//! The old and the new application accept the same tokens.

use auth_jwt::testing::IssuerServer;
use auth_jwt::{JwtAuth, Outcome};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use from_jwt_authorizer::before;
use tower::ServiceExt as _;

async fn ask(app: &axum::Router, token: &str) -> (StatusCode, String) {
    let request = Request::get("/me").header("authorization", format!("Bearer {token}"));
    let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.into()).unwrap())
}

#[tokio::test]
async fn both_accept_a_token_of_the_provider() {
    let provider = IssuerServer::start().await.audience("shop");
    let issuer = provider.issuer();
    let before = before::app(issuer.name()).await.unwrap();
    let after = JwtAuth::discover(issuer.name()).audience("shop").clock(issuer.clock().clock());

    let token = issuer.token("alice").sign();
    assert_eq!(ask(&before, &token).await, (StatusCode::OK, "alice".to_owned()));
    let Outcome::Authenticated(user) = after.verify(token.as_bytes()).await else {
        panic!("the token is valid");
    };
    assert_eq!(user.subject(), "alice");

    let token = issuer.token("alice").claim("aud", "warehouse").sign();
    assert_eq!(ask(&before, &token).await.0, StatusCode::UNAUTHORIZED);
    assert!(matches!(after.verify(token.as_bytes()).await, Outcome::Rejected(_)));
}
