use axum::{Router, routing::get};
use jwt_authorizer::error::InitError;
use jwt_authorizer::{IntoLayer, JwtAuthorizer, JwtClaims, RegisteredClaims, Validation};

async fn me(JwtClaims(claims): JwtClaims<RegisteredClaims>) -> String {
    claims.sub.unwrap_or_default()
}

pub async fn app(issuer: &str) -> Result<Router, InitError> {
    let auth = JwtAuthorizer::<RegisteredClaims>::from_oidc(issuer)
        .validation(Validation::new().iss(&[issuer]).aud(&["shop"]))
        .build()
        .await?;
    Ok(Router::new().route("/me", get(me)).layer(auth.into_layer()))
}
