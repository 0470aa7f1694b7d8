//! [`Provider`] and [`ProviderFixture`]: tokens and key sets in the form that known identity providers use.
//!
//! The providers' documents describe these forms. The keys are generated, and the names are examples.

use std::future::{Ready, ready};

use auth_core::{ManualClock, Timestamp};
use base64_simd::{URL_SAFE, URL_SAFE_NO_PAD};
use http::{Request, Response, StatusCode, header};
use serde_json::{Map, Value, json};
use tower_service::Service;

use crate::algorithm::Algorithm;
use crate::document::always_ready;
use crate::key::SigningKey;

/// The time of the tokens: in 2027.
const NOW: u64 = 1_800_000_000;
/// A tenant of Entra ID.
const TENANT: &str = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// A known identity provider, with a [fixture](Self::fixture) of its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // their names say all
pub enum Provider {
    Adfs,
    Apple,
    Auth0,
    Authelia,
    Authentik,
    /// An AWS Application Load Balancer, whose tokens are for [`AlbAuth`](crate::AlbAuth).
    AwsAlb,
    Casdoor,
    Cognito,
    Dex,
    /// Azure AD B2C, with a user flow.
    EntraB2c,
    EntraId,
    /// Entra ID with the key set that all tenants share.
    EntraIdTenants,
    /// Entra ID with tokens of version 1.
    EntraIdV1,
    Firebase,
    GitHubActions,
    Google,
    Hydra,
    Kanidm,
    Keycloak,
    Kubernetes,
    Logto,
    Okta,
    Rauthy,
    Spiffe,
    Supabase,
    Zitadel,
}

/// The source of the form of a fixture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Provenance {
    /// The documents of the provider, or of software that accepts its tokens.
    Documented,
}

/// The keys of a provider, and tokens that it could have signed.
///
/// ```
/// use auth_core::Outcome;
/// use auth_jwt::testing::Provider;
/// use auth_jwt::{JwtAuth, RemoteKeys, Validation};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let okta = Provider::Okta.fixture();
/// let keys = RemoteKeys::discover("https://shop.okta.com/oauth2/default").client(okta.client());
/// let auth = JwtAuth::new(keys).audience("api://default").clock(okta.clock().clock());
/// assert!(matches!(auth.verify(okta.token().as_bytes()).await, Outcome::Authenticated(_)));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ProviderFixture {
    provider: Provider,
    key: SigningKey,
    form: Form,
    clock: ManualClock,
}

/// What differs between the providers.
#[derive(Clone, Debug)]
struct Form {
    algorithm: Algorithm,
    /// The `issuer` of the discovery document, if there is one.
    discovery: Option<&'static str>,
    /// More members of the document.
    document: Value,
    keys_url: &'static str,
    /// Members of the published key that differ from the usual ones; null removes one.
    jwk: Value,
    /// More keys of the set.
    more_keys: Value,
    /// Members of the header that differ from the usual ones; null removes one.
    header: Value,
    claims: Value,
}

impl Provider {
    /// All providers with a fixture.
    pub const ALL: [Self; 26] = [
        Self::Adfs,
        Self::Apple,
        Self::Auth0,
        Self::Authelia,
        Self::Authentik,
        Self::AwsAlb,
        Self::Casdoor,
        Self::Cognito,
        Self::Dex,
        Self::EntraB2c,
        Self::EntraId,
        Self::EntraIdTenants,
        Self::EntraIdV1,
        Self::Firebase,
        Self::GitHubActions,
        Self::Google,
        Self::Hydra,
        Self::Kanidm,
        Self::Keycloak,
        Self::Kubernetes,
        Self::Logto,
        Self::Okta,
        Self::Rauthy,
        Self::Spiffe,
        Self::Supabase,
        Self::Zitadel,
    ];

    /// Returns the source of the form of its fixture.
    #[must_use]
    pub fn provenance(self) -> Provenance {
        Provenance::Documented
    }

    /// Generates the keys of this provider. Its clock is manual and starts in 2027.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot generate a key.
    #[must_use]
    pub fn fixture(self) -> ProviderFixture {
        let form = self.form();
        let key = SigningKey::generate(form.algorithm).expect("the algorithm has private keys");
        let clock = ManualClock::new(Timestamp::from_secs(NOW));
        ProviderFixture { provider: self, key: key.with_kid("2027-01"), form, clock }
    }

    fn form(self) -> Form {
        match self {
            Self::Adfs
            | Self::EntraB2c
            | Self::EntraId
            | Self::EntraIdTenants
            | Self::EntraIdV1 => microsoft(self),
            Self::Authelia
            | Self::Authentik
            | Self::Casdoor
            | Self::Dex
            | Self::Hydra
            | Self::Kanidm
            | Self::Logto
            | Self::Rauthy => self_hosted(self),
            Self::AwsAlb
            | Self::Firebase
            | Self::GitHubActions
            | Self::Kubernetes
            | Self::Spiffe => workload(self),
            _ => hosted(self),
        }
    }
}

/// Returns the form of a provider with a discovery document and RSA keys.
fn discovered(issuer: &'static str, keys_url: &'static str, claims: Value) -> Form {
    let (document, jwk, header) = (json!({}), json!({}), json!({}));
    let (discovery, more_keys) = (Some(issuer), json!([]));
    Form {
        algorithm: Algorithm::Rs256,
        discovery,
        document,
        keys_url,
        jwk,
        more_keys,
        header,
        claims,
    }
}

#[allow(clippy::too_many_lines)] // a table
fn microsoft(provider: Provider) -> Form {
    const KEYS: &str = "https://login.microsoftonline.com/keys";
    let entra = json!({ "alg": null, "x5t": "2027-01", "x5c": ["MII"] });
    let v2 = json!({
        "iss": format!("https://login.microsoftonline.com/{TENANT}/v2.0"), "aud": "api-client-id",
        "sub": "pairwise-subject", "oid": "object-id", "tid": TENANT, "azp": "app-client-id",
        "scp": "orders.read orders.write", "roles": ["Seller"], "ver": "2.0",
    });
    match provider {
        Provider::Adfs => Form {
            document: json!({ "access_token_issuer": "http://adfs.example/adfs/services/trust" }),
            header: json!({ "kid": null, "x5t": "2027-01" }),
            ..discovered(
                "https://adfs.example/adfs",
                "https://adfs.example/adfs/discovery/keys",
                json!({
                    "iss": "http://adfs.example/adfs/services/trust", "aud": "api://shop", "sub": "alice",
                    "auth_time": "2027-01-15T08:00:00.000Z",
                }),
            )
        },
        Provider::EntraB2c => Form {
            discovery: None,
            jwk: json!({ "alg": null }),
            ..discovered(
                "",
                "https://shop.b2clogin.com/shop.onmicrosoft.com/B2C_1_signin/discovery/v2.0/keys",
                json!({
                    "iss": "https://shop.b2clogin.com/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/v2.0/",
                    "aud": "api-client-id", "sub": "object-id", "azp": "app-client-id",
                    "tfp": "B2C_1_signin", "scp": "orders.read", "ver": "1.0",
                }),
            )
        },
        Provider::EntraIdTenants => {
            let other = json!({
                "kty": "RSA", "use": "sig", "kid": "consumers", "e": "AQAB", "n": "AQAB",
                "issuer": "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            });
            let mut jwk = entra;
            jwk["issuer"] = json!("https://login.microsoftonline.com/{tenantid}/v2.0");
            Form {
                jwk,
                discovery: None,
                more_keys: json!([other]),
                ..discovered("", "https://login.microsoftonline.com/common/discovery/v2.0/keys", v2)
            }
        }
        Provider::EntraIdV1 => Form {
            jwk: entra,
            header: json!({ "x5t": "2027-01" }),
            ..discovered(
                "https://sts.windows.net/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/",
                KEYS,
                json!({
                    "iss": format!("https://sts.windows.net/{TENANT}/"), "aud": "api://shop",
                    "sub": "pairwise-subject", "oid": "object-id", "tid": TENANT, "ver": "1.0",
                    "appid": "app-client-id", "scp": "orders.read", "roles": ["Seller"],
                }),
            )
        },
        _ => Form {
            jwk: entra,
            ..discovered(
                "https://login.microsoftonline.com/f81d4fae-7dec-11d0-a765-00a0c91e6bf6/v2.0",
                KEYS,
                v2,
            )
        },
    }
}

#[allow(clippy::too_many_lines)] // a table
fn hosted(provider: Provider) -> Form {
    match provider {
        Provider::Apple => discovered(
            "https://appleid.apple.com",
            "https://appleid.apple.com/auth/keys",
            json!({
                "iss": "https://appleid.apple.com", "aud": "example.shop.app", "sub": "000.alice.000",
                "email": "alice@shop.example", "email_verified": "true", "is_private_email": "true",
                "nonce_supported": true,
            }),
        ),
        Provider::Auth0 => Form {
            jwk: json!({ "x5t": "2027-01", "x5c": ["MII"] }),
            ..discovered(
                "https://shop.eu.auth0.com/",
                "https://shop.eu.auth0.com/.well-known/jwks.json",
                json!({
                    "iss": "https://shop.eu.auth0.com/", "sub": "auth0|alice", "azp": "app-client-id",
                    "aud": ["https://api.shop.example", "https://shop.eu.auth0.com/userinfo"],
                    "scope": "openid orders:read", "permissions": ["orders:write"],
                    "https://shop.example/tier": "gold",
                }),
            )
        },
        Provider::Cognito => Form {
            header: json!({ "typ": null }),
            ..discovered(
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example",
                "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example/.well-known/jwks.json",
                json!({
                    "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Example",
                    "sub": "alice", "client_id": "app-client-id", "token_use": "access",
                    "cognito:groups": ["sellers"], "scope": "orders/read",
                }),
            )
        },
        Provider::Google => discovered(
            "https://accounts.google.com",
            "https://www.googleapis.com/oauth2/v3/certs",
            json!({
                "iss": "https://accounts.google.com", "aud": "app.apps.googleusercontent.com",
                "azp": "app.apps.googleusercontent.com", "sub": "110169484474386276334",
                "hd": "shop.example", "email": "alice@shop.example", "email_verified": true,
            }),
        ),
        Provider::Keycloak => Form {
            more_keys: json!([{ "kty": "RSA", "use": "enc", "alg": "RSA-OAEP", "kid": "enc", "n": "AQAB", "e": "AQAB" }]),
            ..discovered(
                "https://login.example/realms/shop",
                "https://login.example/realms/shop/protocol/openid-connect/certs",
                json!({
                    "iss": "https://login.example/realms/shop", "aud": ["account", "shop-api"],
                    "sub": "alice", "typ": "Bearer", "azp": "shop-web", "scope": "openid orders",
                    "realm_access": { "roles": ["user"] },
                    "resource_access": { "shop-api": { "roles": ["seller"] }, "account": { "roles": ["view"] } },
                }),
            )
        },
        Provider::Okta => Form {
            header: json!({ "typ": null }),
            ..discovered(
                "https://shop.okta.com/oauth2/default",
                "https://shop.okta.com/oauth2/default/v1/keys",
                json!({
                    "iss": "https://shop.okta.com/oauth2/default", "aud": "api://default",
                    "sub": "alice@shop.example", "cid": "app-client-id", "scp": ["openid", "orders"],
                }),
            )
        },
        Provider::Supabase => Form {
            algorithm: Algorithm::Es256,
            ..discovered(
                "https://shop.supabase.co/auth/v1",
                "https://shop.supabase.co/auth/v1/.well-known/jwks.json",
                json!({
                    "iss": "https://shop.supabase.co/auth/v1", "aud": "authenticated", "sub": "alice",
                    "role": "authenticated", "amr": [{ "method": "password", "timestamp": NOW }],
                }),
            )
        },
        _ => discovered(
            "https://shop.zitadel.cloud",
            "https://shop.zitadel.cloud/oauth/v2/keys",
            json!({
                "iss": "https://shop.zitadel.cloud", "aud": ["app-client-id", "project-id"],
                "sub": "alice",
                "urn:zitadel:iam:org:project:roles": { "seller": { "org-id": "shop.example" } },
            }),
        ),
    }
}

#[allow(clippy::too_many_lines)] // a table
fn self_hosted(provider: Provider) -> Form {
    match provider {
        Provider::Authelia => discovered(
            "https://auth.example",
            "https://auth.example/jwks.json",
            json!({ "iss": "https://auth.example", "aud": ["shop-api"], "sub": "alice", "scp": ["orders"] }),
        ),
        Provider::Authentik => Form {
            header: json!({ "typ": "JWT" }),
            ..discovered(
                "https://auth.example/application/o/shop/",
                "https://auth.example/application/o/shop/jwks/",
                json!({ "iss": "https://auth.example/application/o/shop/", "aud": "app-client-id", "sub": "alice" }),
            )
        },
        Provider::Casdoor => Form {
            jwk: json!({ "x5c": ["MII"] }),
            ..discovered(
                "https://door.example",
                "https://door.example/.well-known/jwks",
                json!({
                    "iss": "https://door.example", "aud": ["app-client-id"], "sub": "alice",
                    "azp": "app-client-id", "tokenType": "access-token", "scope": "orders",
                    "owner": "shop", "name": "alice", "jti": "admin/1",
                }),
            )
        },
        Provider::Dex => discovered(
            "https://dex.example",
            "https://dex.example/keys",
            json!({ "iss": "https://dex.example", "aud": "app-client-id", "sub": "alice" }),
        ),
        Provider::Kanidm => Form {
            algorithm: Algorithm::Es256,
            header: json!({ "typ": "at+jwt" }),
            ..discovered(
                "https://idm.example/oauth2/openid/shop",
                "https://idm.example/oauth2/openid/shop/public_key.jwk",
                json!({ "iss": "https://idm.example/oauth2/openid/shop", "aud": "shop", "sub": "alice" }),
            )
        },
        Provider::Logto => Form {
            algorithm: Algorithm::Es384,
            header: json!({ "typ": "at+jwt" }),
            ..discovered(
                "https://shop.logto.app/oidc",
                "https://shop.logto.app/oidc/jwks",
                json!({
                    "iss": "https://shop.logto.app/oidc", "aud": "https://api.shop.example",
                    "sub": "alice", "client_id": "app-client-id", "scope": "orders:read", "jti": "1",
                }),
            )
        },
        Provider::Rauthy => Form {
            algorithm: Algorithm::EdDsa,
            ..discovered(
                "https://auth.example/auth/v1",
                "https://auth.example/auth/v1/oidc/certs",
                json!({ "iss": "https://auth.example/auth/v1", "aud": "shop", "sub": "alice" }),
            )
        },
        _ => discovered(
            "https://hydra.example",
            "https://hydra.example/.well-known/jwks.json",
            json!({ "iss": "https://hydra.example", "aud": ["shop-api"], "sub": "alice", "scp": ["orders"] }),
        ),
    }
}

#[allow(clippy::too_many_lines)] // a table
fn workload(provider: Provider) -> Form {
    match provider {
        Provider::AwsAlb => Form {
            algorithm: Algorithm::Es256,
            discovery: None,
            header: json!({
                "signer": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188",
                "client": "app-client-id", "iss": "https://login.example",
            }),
            ..discovered(
                "",
                "https://public-keys.auth.elb.eu-central-1.amazonaws.com/2027-01",
                json!({ "iss": "https://login.example", "sub": "alice", "email": "alice@shop.example" }),
            )
        },
        Provider::Firebase => Form {
            discovery: None,
            ..discovered(
                "",
                "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
                json!({
                    "iss": "https://securetoken.google.com/shop-project", "aud": "shop-project",
                    "sub": "alice", "seller": true,
                }),
            )
        },
        Provider::GitHubActions => Form {
            jwk: json!({ "x5t": "2027-01", "x5c": ["MII"] }),
            ..discovered(
                "https://token.actions.githubusercontent.com",
                "https://token.actions.githubusercontent.com/.well-known/jwks",
                json!({
                    "iss": "https://token.actions.githubusercontent.com", "aud": "shop-deploy",
                    "sub": "repo:shop/site:environment:production", "repository_id": "123456",
                    "job_workflow_ref": "shop/site/.github/workflows/deploy.yml@refs/heads/main",
                    "environment": "production",
                }),
            )
        },
        Provider::Kubernetes => Form {
            discovery: None,
            ..discovered(
                "",
                "https://kubernetes.default.svc/openid/v1/jwks",
                json!({
                    "iss": "https://kubernetes.default.svc.cluster.local", "aud": ["shop"],
                    "sub": "system:serviceaccount:shop:backend",
                    "kubernetes.io": { "namespace": "shop", "serviceaccount": { "name": "backend" } },
                }),
            )
        },
        _ => Form {
            algorithm: Algorithm::Es256,
            discovery: None,
            jwk: json!({ "use": "jwt-svid" }),
            more_keys: json!([{ "kty": "EC", "use": "x509-svid", "crv": "P-256", "x": "AQ", "y": "AQ", "x5c": ["MII"] }]),
            header: json!({ "typ": "JOSE" }),
            ..discovered(
                "",
                "https://spire.example/bundle",
                json!({ "aud": ["spiffe://shop.example/api"], "sub": "spiffe://shop.example/web" }),
            )
        },
    }
}

impl ProviderFixture {
    /// Returns the provider.
    #[must_use]
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// Returns the claims of a token that is valid for five minutes.
    ///
    /// # Panics
    ///
    /// Never panics: the claims are an object.
    #[must_use]
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = self.form.claims.as_object().expect("claims are an object").clone();
        let now = self.clock.clock().now().as_secs();
        claims.extend([("iat".to_owned(), json!(now)), ("exp".to_owned(), json!(now + 300))]);
        claims
    }

    /// Returns a token.
    #[must_use]
    pub fn token(&self) -> String {
        self.sign(&self.claims())
    }

    /// Returns a token with these claims. Those of [`Provider::AwsAlb`] named `iss`, `client`, `signer` and `exp`
    /// are also the members of the JOSE header that decide about the token.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot sign.
    #[must_use]
    pub fn sign(&self, claims: &Map<String, Value>) -> String {
        let header =
            json!({ "alg": self.key.algorithm().as_str(), "typ": "JWT", "kid": self.key.kid() });
        let mut header = changed(header, &self.form.header);
        let is_alb = self.provider == Provider::AwsAlb;
        if is_alb {
            for name in ["iss", "client", "signer", "exp"] {
                let stated = claims.get(name).or(header.get(name)).cloned();
                header[name] = stated.unwrap_or_default();
            }
        }
        let header = header.to_string();
        let claims = serde_json::to_vec(claims).expect("claims serialize to JSON");
        let encode = |part: &[u8]| match is_alb {
            true => URL_SAFE.encode_to_string(part),
            false => URL_SAFE_NO_PAD.encode_to_string(part),
        };
        let message = format!("{}.{}", encode(header.as_bytes()), encode(&claims));
        let signature = self.key.signature(message.as_bytes()).expect("the system can sign");
        format!("{message}.{}", encode(&signature))
    }

    /// Returns the key set, or the key in PEM if the provider has no key set.
    ///
    /// # Panics
    ///
    /// Never panics: a key serializes to JSON.
    #[must_use]
    pub fn key_set(&self) -> String {
        let jwk = serde_json::to_value(self.key.jwk()).expect("strings serialize to JSON");
        if self.provider == Provider::AwsAlb {
            return pem_of(&jwk);
        }
        let mut keys = vec![changed(jwk, &self.form.jwk)];
        keys.extend(self.form.more_keys.as_array().into_iter().flatten().cloned());
        json!({ "keys": keys }).to_string()
    }

    /// Returns a client that reaches nothing but this provider, for
    /// [`RemoteKeysBuilder::client`](crate::RemoteKeysBuilder::client).
    #[must_use]
    pub fn client(&self) -> ProviderClient {
        let mut documents = vec![(self.form.keys_url.to_owned(), self.key_set())];
        if let Some(issuer) = self.form.discovery {
            let document = json!({ "issuer": issuer, "jwks_uri": self.form.keys_url });
            let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            documents.push((url, changed(document, &self.form.document).to_string()));
        }
        ProviderClient { documents }
    }
}

/// Returns a public key of P-256 in PEM (RFC 5480).
fn pem_of(jwk: &Value) -> String {
    const BEFORE_POINT: &[u8] = &[
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
    ];
    let coordinate = |name: &str| {
        let text = jwk[name].as_str().unwrap_or_default();
        URL_SAFE_NO_PAD.decode_to_vec(text).expect("a coordinate is base64url")
    };
    let der = [BEFORE_POINT, &coordinate("x"), &coordinate("y")].concat();
    pem::encode(&pem::Pem::new("PUBLIC KEY", der))
}

/// Returns an object with these members set, or removed if they are null.
fn changed(mut object: Value, by: &Value) -> Value {
    for (name, value) in by.as_object().into_iter().flatten() {
        object[name] = value.clone();
    }
    if let Value::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// An HTTP client that answers as the provider of a [`ProviderFixture`].
#[derive(Clone, Debug)]
pub struct ProviderClient {
    /// By URL.
    documents: Vec<(String, String)>,
}

impl Service<Request<String>> for ProviderClient {
    always_ready!(Ready);

    fn call(&mut self, request: Request<String>) -> Self::Future {
        let url = request.uri().to_string();
        let found = self.documents.iter().find(|(known, _)| *known == url);
        let mut response = Response::new(found.map_or(String::new(), |(_, body)| body.clone()));
        if found.is_none() {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        ready(Ok(response))
    }
}
