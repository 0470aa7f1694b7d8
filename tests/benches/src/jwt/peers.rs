//! The peers with tokens, configured as their documentation shows. Their keys are given, not fetched. All of
//! them check the issuer, the audience and `exp`.

use std::convert::Infallible;
use std::sync::Arc;

use axum_07::extract::FromRequestParts as _;
use axum_jwt_auth::{Decoder, LocalDecoder};
use http::{Request, Response, StatusCode};
use jwt_authorizer::{AuthError, Authorizer, IntoLayer, JwtAuthorizer, JwtClaims};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};
use tower_oauth2_resource_server::server::OAuth2ResourceServer;
use tower_oauth2_resource_server::tenant::TenantConfiguration;
use tower_oauth2_resource_server::validation::ClaimsValidationSpec;

use crate::drive::{Body, Case, ok, poll_now};
use crate::jwt::extractor::{extracting, extractor};
use crate::jwt::ours::{hit, miss};
use crate::jwt::tokens::{AUDIENCE, ISSUER, TokenClaims, Tokens};

/// Returns the cases that do the whole work of a layer: ours without and with the cache, the extractor, and
/// the peers.
pub fn with_peers(tokens: &Tokens) -> [Case; 6] {
    [
        miss(tokens),
        hit(tokens),
        extractor(tokens),
        jwt_authorizer(tokens),
        axum_jwt_auth(tokens),
        tower_oauth2_resource_server(tokens),
    ]
}

fn jwks(tokens: &Tokens) -> String {
    json!({ "keys": [tokens.issuer.jwk()] }).to_string()
}

/// jwt-authorizer 0.15, with jsonwebtoken 9 and ring.
fn jwt_authorizer(tokens: &Tokens) -> Case {
    let validation = jwt_authorizer::Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]);
    let builder = JwtAuthorizer::<TokenClaims>::from_jwks_text(&jwks(tokens));
    let authorizer: Authorizer<_> = poll_now(builder.validation(validation).build()).unwrap();
    let service = authorizer.into_layer().layer(service_fn(reads_jwt_claims));
    let service = service.map_response(|Answer(response)| response);
    Case::new("jwt-authorizer", service, "authorization", &tokens.headers())
}

/// jwt-authorizer needs a response type that its errors convert to.
struct Answer(Response<Body>);

impl From<AuthError> for Answer {
    fn from(_: AuthError) -> Self {
        let mut response = Response::new(Body::default());
        *response.status_mut() = StatusCode::UNAUTHORIZED;
        Self(response)
    }
}

async fn reads_jwt_claims(request: Request<Body>) -> Result<Answer, Infallible> {
    let (mut parts, _) = request.into_parts();
    let claims = JwtClaims::<TokenClaims>::from_request_parts(&mut parts, &()).await.unwrap();
    assert!(claims.0.sub.starts_with("user-"));
    ok().map(Answer)
}

/// axum-jwt-auth 0.7: an extractor, with jsonwebtoken 10 and its feature `rust_crypto`.
fn axum_jwt_auth(tokens: &Tokens) -> Case {
    let jwk = serde_json::from_value(tokens.issuer.jwk()).unwrap();
    let key = jsonwebtoken_10::DecodingKey::from_jwk(&jwk).unwrap();
    let mut validation = jsonwebtoken_10::Validation::new(tokens.alg.name().parse().unwrap());
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let decoder = LocalDecoder::builder().keys(vec![key]).validation(validation).build().unwrap();
    let decoder: Decoder<TokenClaims> = Arc::new(decoder);
    extracting("axum-jwt-auth", tokens, decoder, |found: axum_jwt_auth::Claims<_>| found.claims)
}

/// tower-oauth2-resource-server 0.12, with jsonwebtoken 11 and aws-lc-rs, one of its two choices. HS256 must
/// be allowed explicitly.
fn tower_oauth2_resource_server(tokens: &Tokens) -> Case {
    let audiences = vec![AUDIENCE.to_owned()];
    let claims = ClaimsValidationSpec::new().iss(ISSUER).aud(&audiences).exp(true);
    let tenant = TenantConfiguration::static_builder(jwks(tokens))
        .claims_validation(claims)
        .allowed_algorithms(&[tokens.alg.name().parse().unwrap()])
        .build()
        .unwrap();
    let server = OAuth2ResourceServer::<TokenClaims>::builder().add_tenant(tenant);
    let layer = poll_now(server.build()).unwrap().into_layer();
    let service = layer.layer(service_fn(reads_extension));
    Case::new("tower-oauth2-resource-server", service, "authorization", &tokens.headers())
}

async fn reads_extension(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let claims = request.extensions().get::<TokenClaims>().unwrap();
    assert!(claims.sub.starts_with("user-"));
    ok()
}
