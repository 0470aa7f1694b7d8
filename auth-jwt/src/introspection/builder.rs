//! [`Introspection`], the options of an introspection endpoint.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{BoxError, Challenge, Clock};
use base64_simd::STANDARD;
use http::{HeaderValue, Request, Response, header};
use http_body::Body;
use tower_service::Service;
use url::form_urlencoded;

use super::auth::{Config, IntrospectionAuth};
use super::endpoint::Endpoint;
use crate::protected_resource::ProtectedResource;
use crate::remote_keys::{Client, InvalidRemoteKeys, TowerClient, checked_url, default_client};
use crate::validation::Validation;

/// The options of an introspection endpoint, to which bearer tokens are sent (RFC 7662).
///
/// ```no_run
/// use auth_jwt::{Introspection, Validation};
///
/// # fn main() -> Result<(), auth_jwt::InvalidRemoteKeys> {
/// # let secret = "from the configuration";
/// let auth = Introspection::new("https://login.example/introspect")
///     .client("shop", secret)
///     .validation(Validation::new().issuer("https://login.example").audience("shop"))
///     .build()?;
/// # let _ = auth;
/// # Ok(()) }
/// ```
#[must_use]
pub struct Introspection {
    url: Box<str>,
    authorization: Option<String>,
    http_client: Option<Arc<dyn Client>>,
    authorities: Option<Vec<u8>>,
    validation: Validation,
    accepts_unstated: bool,
    max_age: Duration,
    cache_capacity: usize,
    realm: Arc<str>,
    resource: Option<ProtectedResource>,
    clock: Clock,
}

impl Introspection {
    /// Starts with the URL of an endpoint, over `https` or on this machine. The endpoint is the
    /// `introspection_endpoint` in the discovery document of an issuer.
    pub fn new(url: impl Into<Box<str>>) -> Self {
        Self {
            url: url.into(),
            authorization: None,
            http_client: None,
            authorities: None,
            validation: Validation::new(),
            accepts_unstated: false,
            max_age: Duration::from_secs(30),
            cache_capacity: 10_000,
            realm: Challenge::DEFAULT_REALM.into(),
            resource: None,
            clock: Clock::system(),
        }
    }

    /// Authenticates to the endpoint as this client, with its secret (`client_secret_basic`). Most endpoints
    /// require it, or a [bearer token](Self::bearer), which it replaces.
    pub fn client(self, id: &str, secret: &str) -> Self {
        // Both are encoded as in a form (RFC 6749 section 2.3.1).
        let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let [id, secret]: [String; 2] = [encoded(id), encoded(secret)];
        let credentials = STANDARD.encode_to_string(format!("{id}:{secret}"));
        Self { authorization: Some(format!("Basic {credentials}")), ..self }
    }

    /// Authenticates to the endpoint with this bearer token. It replaces a [client](Self::client).
    pub fn bearer(self, token: &str) -> Self {
        Self { authorization: Some(format!("Bearer {token}")), ..self }
    }

    /// Sets what the answers must contain, by the same rules as for JSON Web Tokens. An answer without `iss`
    /// counts as one of the required issuer, and one without `exp` is used for [`max_age`](Self::max_age).
    /// Without an audience, tokens that name one are rejected.
    ///
    /// Set an [audience](Validation::audience), or a [client](Validation::client), if the issuer also issues
    /// tokens for other services.
    pub fn validation(self, validation: Validation) -> Self {
        Self { validation, ..self }
    }

    /// Also accepts tokens of which the endpoint does not state that they are access tokens. By default, an answer
    /// must have a `token_type` (`Bearer`), or the kind of the token in `token_use` or `typ`.
    ///
    /// An endpoint also reports refresh tokens as active (RFC 7662 section 2.1). Many issuers leave out only their
    /// `token_type`, because it is defined for access tokens (RFC 6749 section 5.1). With this option, such a
    /// refresh token authenticates requests.
    pub fn insecure_missing_token_type(self) -> Self {
        Self { accepts_unstated: true, ..self }
    }

    /// Sets for how long an answer is used at most. Defaults to 30 seconds. A token that its issuer revokes
    /// may be accepted for that long. With zero, each request waits for an answer that the endpoint was asked for
    /// after the request had arrived.
    pub fn max_age(self, age: Duration) -> Self {
        Self { max_age: age, ..self }
    }

    /// Sets for how many tokens answers are kept. Defaults to 10,000; must be at least 1.
    ///
    /// # Panics
    ///
    /// Panics if it is 0. To keep no answers, set [`max_age`](Self::max_age).
    pub fn cache_capacity(self, tokens: usize) -> Self {
        assert!(tokens > 0, "`cache_capacity` must be at least 1");
        Self { cache_capacity: tokens, ..self }
    }

    /// Sets the realm in the `WWW-Authenticate: Bearer` header of refusals. Defaults to `api`.
    pub fn realm(self, realm: impl Into<Arc<str>>) -> Self {
        Self { realm: realm.into(), ..self }
    }

    /// Names this API in challenges: see [`JwtAuth::protected_resource`](crate::JwtAuth::protected_resource).
    pub fn protected_resource(self, resource: impl Into<ProtectedResource>) -> Self {
        Self { resource: Some(resource.into()), ..self }
    }

    /// Sets the clock, for tests. Defaults to the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Sends requests with this HTTP client: see [`RemoteKeysBuilder::client`](crate::RemoteKeysBuilder::client).
    /// The body of a request contains the token.
    pub fn http_client<S, B>(self, client: S) -> Self
    where
        S: Service<Request<String>, Response = Response<B>, Future: Send, Error: Into<BoxError>>,
        S: Clone + Send + Sync + 'static,
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        Self { http_client: Some(Arc::new(TowerClient::new(client))), ..self }
    }

    /// Trusts these certificate authorities, in PEM, instead of those of the system. It has no effect on an
    /// [HTTP client](Self::http_client) of your own.
    pub fn certificate_authorities(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { authorities: Some(pem.into()), ..self }
    }

    /// Checks the options. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// Returns an error that names the wrong option.
    pub fn build(self) -> Result<IntrospectionAuth, InvalidRemoteKeys> {
        let url = checked_url(&self.url)?;
        let authorization = match self.authorization {
            Some(credentials) => {
                let mut value = HeaderValue::try_from(credentials).map_err(|_| {
                    InvalidRemoteKeys::Header(header::AUTHORIZATION.as_str().into())
                })?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let client = match self.http_client {
            Some(client) => client,
            None => default_client(self.authorities.as_deref())
                .map_err(|error| InvalidRemoteKeys::Authorities(error.into()))?,
        };
        Ok(IntrospectionAuth::new(Config {
            endpoint: Endpoint { url, client, authorization },
            validation: self.validation,
            accepts_unstated: self.accepts_unstated,
            max_age: self.max_age,
            cache_capacity: self.cache_capacity,
            realm: self.realm,
            resource: self.resource,
            clock: self.clock,
        }))
    }
}

/// Leaves out the credentials.
impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").field("url", &self.url).finish_non_exhaustive()
    }
}
