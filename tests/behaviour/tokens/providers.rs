//! The tokens of known identity providers, with the builder calls of `docs/providers.md`.

use std::collections::HashSet;
use std::sync::LazyLock;

use auth_core::{Claims, Identity};
use auth_jwt::testing::{Provenance, Provider, ProviderFixture};
use auth_jwt::{JwtAuth, RemoteKeys, Validation};
use serde_json::{Map, Value, json};

use super::kit::{rejection, verify};

const GUIDE: &str = include_str!("../../../docs/providers.md");

/// The guide without white space, so that its layout does not matter.
pub(super) static CALLS: LazyLock<String> = LazyLock::new(|| plain(GUIDE));

pub(super) fn plain(text: &str) -> String {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    text.replace(",)", ")")
}

/// Builds a layer by calls that the guide shows, with the keys of the fixture.
macro_rules! guide {
    ($fixture:expr, $keys:expr, $validation:expr $(,)?) => {{
        let calls = plain(concat!(
            "JwtAuth::new(",
            stringify!($keys),
            ").validation(",
            stringify!($validation),
            ")"
        ));
        assert!(CALLS.contains(&calls), "the guide does not show {calls}");
        JwtAuth::new($keys.client($fixture.client()))
            .validation($validation)
            .clock($fixture.clock().clock())
    }};
}

fn hosted(fixture: &ProviderFixture) -> Option<JwtAuth<Claims>> {
    Some(match fixture.provider() {
        Provider::Apple => guide!(
            fixture,
            RemoteKeys::discover("https://appleid.apple.com"),
            Validation::new()
                .audience("example.shop.app")
                .require_value("email_verified", true)
                .require_value("email_verified", "true"),
        ),
        Provider::Auth0 => guide!(
            fixture,
            RemoteKeys::discover("https://shop.eu.auth0.com/"),
            Validation::new().audience("https://api.shop.example").roles_pointer("/permissions"),
        ),
        Provider::Cognito => guide!(
            fixture,
            RemoteKeys::discover(
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example"
            ),
            Validation::new()
                .client("app-client-id")
                .require_value("token_use", "access")
                .roles_pointer("/cognito:groups"),
        ),
        Provider::Google => guide!(
            fixture,
            RemoteKeys::discover("https://accounts.google.com"),
            Validation::new()
                .audience("app.apps.googleusercontent.com")
                .require_value("hd", "shop.example"),
        ),
        Provider::Okta => guide!(
            fixture,
            RemoteKeys::discover("https://shop.okta.com/oauth2/default"),
            Validation::new().audience("api://default").client("app-client-id"),
        ),
        Provider::Supabase => guide!(
            fixture,
            RemoteKeys::discover("https://shop.supabase.co/auth/v1"),
            Validation::new().audience("authenticated").roles_pointer("/role"),
        ),
        Provider::Zitadel => guide!(
            fixture,
            RemoteKeys::discover("https://shop.zitadel.cloud"),
            Validation::new()
                .audience("project-id")
                .roles_pointer("/urn:zitadel:iam:org:project:roles")
                .roles_in_keys(),
        ),
        _ => return None,
    })
}

fn microsoft(fixture: &ProviderFixture) -> Option<JwtAuth<Claims>> {
    Some(match fixture.provider() {
        Provider::Adfs => guide!(
            fixture,
            RemoteKeys::discover("https://adfs.example/adfs"),
            Validation::new()
                .issuer("http://adfs.example/adfs/services/trust")
                .audience("api://shop"),
        ),
        Provider::EntraB2c => guide!(
            fixture,
            RemoteKeys::jwks(
                "https://shop.b2clogin.com/shop.onmicrosoft.com/B2C_1_signin/discovery/v2.0/keys"
            ),
            Validation::new()
                .issuer("https://shop.b2clogin.com/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/v2.0/")
                .audience("api-client-id")
                .require_value("tfp", "B2C_1_signin"),
        ),
        Provider::EntraId => guide!(
            fixture,
            RemoteKeys::discover(
                "https://login.microsoftonline.com/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/v2.0"
            ),
            Validation::new().audience("api-client-id"),
        ),
        Provider::EntraIdTenants => guide!(
            fixture,
            RemoteKeys::jwks("https://login.microsoftonline.com/common/discovery/v2.0/keys"),
            Validation::new()
                .issuer_template("https://login.microsoftonline.com/{tenantid}/v2.0")
                .require_value("tid", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
                .audience("api-client-id"),
        ),
        Provider::EntraIdV1 => guide!(
            fixture,
            RemoteKeys::discover("https://sts.windows.net/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/"),
            Validation::new().audience("api://shop").client("app-client-id"),
        ),
        _ => return None,
    })
}

fn self_hosted(fixture: &ProviderFixture) -> Option<JwtAuth<Claims>> {
    Some(match fixture.provider() {
        Provider::Authelia => guide!(
            fixture,
            RemoteKeys::discover("https://auth.example"),
            Validation::new().audience("shop-api"),
        ),
        Provider::Authentik => guide!(
            fixture,
            RemoteKeys::discover("https://auth.example/application/o/shop/"),
            Validation::new().audience("app-client-id"),
        ),
        Provider::Casdoor => guide!(
            fixture,
            RemoteKeys::discover("https://door.example"),
            Validation::new().audience("app-client-id").require_value("tokenType", "access-token"),
        ),
        Provider::Dex => guide!(
            fixture,
            RemoteKeys::discover("https://dex.example"),
            Validation::new().audience("app-client-id"),
        ),
        Provider::Hydra => guide!(
            fixture,
            RemoteKeys::discover("https://hydra.example"),
            Validation::new().audience("shop-api"),
        ),
        Provider::Kanidm => guide!(
            fixture,
            RemoteKeys::discover("https://idm.example/oauth2/openid/shop"),
            Validation::new().audience("shop").typ("at+jwt"),
        ),
        Provider::Keycloak => guide!(
            fixture,
            RemoteKeys::discover("https://login.example/realms/shop"),
            Validation::new()
                .audience("shop-api")
                .require_value("typ", "Bearer")
                .roles_pointer("/realm_access/roles")
                .roles_pointer("/resource_access/shop-api/roles"),
        ),
        Provider::Logto => guide!(
            fixture,
            RemoteKeys::discover("https://shop.logto.app/oidc"),
            Validation::new()
                .audience("https://api.shop.example")
                .client("app-client-id")
                .access_token(),
        ),
        Provider::Rauthy => guide!(
            fixture,
            RemoteKeys::discover("https://auth.example/auth/v1"),
            Validation::new().audience("shop"),
        ),
        _ => return None,
    })
}

fn workload(fixture: &ProviderFixture) -> Option<JwtAuth<Claims>> {
    Some(match fixture.provider() {
        Provider::Firebase => guide!(
            fixture,
            RemoteKeys::jwks(
                "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"
            ),
            Validation::new()
                .issuer("https://securetoken.google.com/shop-project")
                .audience("shop-project"),
        ),
        Provider::GitHubActions => guide!(
            fixture,
            RemoteKeys::discover("https://token.actions.githubusercontent.com"),
            Validation::new()
                .audience("shop-deploy")
                .require_value("repository_id", "123456")
                .require_value("environment", "production"),
        ),
        Provider::Kubernetes => guide!(
            fixture,
            RemoteKeys::jwks("https://kubernetes.default.svc/openid/v1/jwks"),
            Validation::new()
                .issuer("https://kubernetes.default.svc.cluster.local")
                .audience("shop")
                .require_value("sub", "system:serviceaccount:shop:backend"),
        ),
        Provider::Spiffe => guide!(
            fixture,
            RemoteKeys::jwks("https://spire.example/bundle").key_use("jwt-svid"),
            Validation::new().audience("spiffe://shop.example/api"),
        ),
        _ => return None,
    })
}

/// Returns the providers whose tokens are JSON Web Tokens. `alb` tests the other one.
fn json_web_tokens() -> impl Iterator<Item = Provider> {
    Provider::ALL.into_iter().filter(|provider| *provider != Provider::AwsAlb)
}

/// Returns the layer of the guide for this provider.
fn layer(fixture: &ProviderFixture) -> JwtAuth<Claims> {
    let layer = hosted(fixture).or_else(|| microsoft(fixture));
    let layer = layer.or_else(|| self_hosted(fixture)).or_else(|| workload(fixture));
    layer.unwrap_or_else(|| panic!("the guide has no calls for {:?}", fixture.provider()))
}

/// Returns the claims with one character of this claim changed: of the first text in a list that is ours.
pub(super) fn misspelt(claims: &Map<String, Value>, name: &str, at: usize) -> Map<String, Value> {
    let misspell = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        let at = at % letters.len();
        letters[at] = if letters[at] == 'x' { 'y' } else { 'x' };
        Value::String(letters.into_iter().collect())
    };
    let mut changed = claims.clone();
    changed[name] = match &claims[name] {
        Value::String(text) => misspell(text),
        Value::Array(list) => list.iter().map(|text| misspell(text.as_str().unwrap())).collect(),
        other => panic!("{name} is {other}"),
    };
    changed
}

#[tokio::test]
async fn r21_a_token_of_every_provider_is_accepted_by_the_calls_of_the_guide() {
    assert_eq!(GUIDE.matches("```rust\n").count(), Provider::ALL.len(), "a block for each");
    for provider in json_web_tokens() {
        assert_eq!(provider.provenance(), Provenance::Documented);
        let fixture = provider.fixture();
        let identity = verify(&layer(&fixture), fixture.token()).await;
        let identity = identity.unwrap_or_else(|reason| panic!("{provider:?}: {reason}"));
        assert_eq!(json!(identity.subject()), fixture.claims()["sub"], "{provider:?}");
    }
}

#[tokio::test]
async fn r21_one_character_of_the_issuer_or_the_audience_matters() {
    for provider in json_web_tokens() {
        let fixture = provider.fixture();
        let (layer, claims) = (layer(&fixture), fixture.claims());
        assert!(verify(&layer, fixture.token()).await.is_ok(), "{provider:?}");
        let (mut reasons, mut checked) = (HashSet::new(), 0);
        for name in ["iss", "aud", "client_id"] {
            let Some(value) = claims.get(name) else { continue };
            let length = value.as_str().map_or(8, str::len);
            for at in [0, length / 3, length / 2, length - 2, length - 1] {
                let token = fixture.sign(&misspelt(&claims, name, at));
                reasons.insert(rejection(&layer, token).await);
                checked += 1;
            }
        }
        let known = [
            "wrong issuer",
            "wrong audience",
            "wrong client",
            "key of another issuer",
            "claim with another value",
        ];
        assert!(reasons.iter().all(|reason| known.contains(reason)), "{provider:?}: {reasons:?}");
        assert!(checked >= 5, "{provider:?}");
    }
}

/// Returns the identity of the provider's token.
async fn identity(provider: Provider) -> Identity<Claims> {
    let fixture = provider.fixture();
    verify(&layer(&fixture), fixture.token()).await.unwrap()
}

#[tokio::test]
async fn r14_r15_roles_and_scopes_of_providers_are_found() {
    for (provider, roles, scopes) in [
        (Provider::Auth0, "orders:write", "openid orders:read"),
        (Provider::Authelia, "", "orders"),
        (Provider::Cognito, "sellers", "orders/read"),
        (Provider::EntraId, "Seller", "orders.read orders.write"),
        (Provider::Keycloak, "user seller", "openid orders"),
        (Provider::Okta, "", "openid orders"),
        (Provider::Supabase, "authenticated", ""),
        (Provider::Zitadel, "seller", ""),
    ] {
        let identity = identity(provider).await;
        assert_eq!(identity.roles().collect::<Vec<_>>().join(" "), roles, "{provider:?}");
        assert_eq!(identity.principal().scopes.join(" "), scopes, "{provider:?}");
    }
}

/// The tokens of another client, or for another use, have the same issuer and audience.
#[tokio::test]
async fn r13_other_values_of_required_claims_are_refused() {
    for (provider, claim, other, reason) in [
        (Provider::Cognito, "token_use", json!("id"), "claim with another value"),
        (Provider::Cognito, "client_id", json!("other"), "wrong client"),
        (Provider::Okta, "cid", json!("other"), "wrong client"),
        (Provider::EntraIdV1, "appid", json!("other"), "wrong client"),
        (Provider::EntraIdTenants, "tid", json!("other"), "key of another issuer"),
        (Provider::Casdoor, "tokenType", json!("refresh-token"), "claim with another value"),
        (Provider::EntraB2c, "tfp", json!("B2C_1_reset"), "claim with another value"),
        (Provider::Keycloak, "typ", json!("ID"), "claim with another value"),
        (Provider::Google, "hd", json!("bank.example"), "claim with another value"),
        (Provider::Apple, "email_verified", json!("false"), "claim with another value"),
        (Provider::GitHubActions, "repository_id", json!("7"), "claim with another value"),
        (
            Provider::Kubernetes,
            "sub",
            json!("system:serviceaccount:shop:x"),
            "claim with another value",
        ),
    ] {
        let fixture = provider.fixture();
        let mut claims = fixture.claims();
        claims[claim] = other;
        let token = fixture.sign(&claims);
        assert_eq!(rejection(&layer(&fixture), token).await, reason, "{provider:?}");
    }
}
