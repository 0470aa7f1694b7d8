//! The provider: where it is, how a login starts there, and what its ID token states about the user.
//!
//! The crate openidconnect builds the requests and verifies the ID token. What it leaves to the application
//! is here: its documents are fetched again when they are old or a key is missing, and the response must name
//! the issuer (RFC 9207).

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, ReturnPath};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType,
    CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse,
    CoreSubjectIdentifierType, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::url::Url;
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AdditionalProviderMetadata, AuthType, AuthorizationCode,
    ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    EmptyExtraTokenFields, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken,
    IdTokenClaims, IdTokenFields, IssuerUrl, LogoutRequest, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, PostLogoutRedirectUrl, ProviderMetadata, RedirectUrl,
    RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    StandardTokenResponse, TokenResponse,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::failure::Failure;
use super::http_client::{HttpClient, is_trustworthy};

/// How long the provider's documents are used without fetching them again.
const MAX_AGE: Duration = Duration::from_secs(300);
/// How long the provider's documents may take, and how long a request waits while another one fetches them.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long after a failure nothing is fetched.
const COOLDOWN: Duration = Duration::from_secs(5);
/// How old the user's session at the provider may be. With this parameter, the provider states when the user
/// authenticated (`auth_time`).
const MAX_AUTH_AGE: Duration = Duration::from_secs(24 * 3600);

/// What the discovery document has beyond OpenID Connect Discovery 1.0.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct MoreMetadata {
    /// OpenID Connect RP-Initiated Logout 1.0.
    end_session_endpoint: Option<EndSessionUrl>,
    /// RFC 9207.
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

/// What the ID token has beyond OpenID Connect Core 1.0: the session at the provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct MoreClaims {
    pub(super) sid: Option<String>,
}

impl AdditionalClaims for MoreClaims {}

type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

type Fields = IdTokenFields<
    MoreClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type OidcClient = openidconnect::Client<
    MoreClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<Fields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// An ID token, as a provider signed it.
pub(super) type SignedIdToken = IdToken<
    MoreClaims,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
/// The claims of a verified ID token.
pub(super) type Claims = IdTokenClaims<MoreClaims, CoreGenderClaim>;

/// The application, as it is registered with the provider.
#[derive(Clone, Debug)]
pub struct Client {
    /// The client's id.
    pub id: String,
    /// The client's secret. A public client has none.
    pub secret: Option<ClientSecret>,
    /// The URL at which browsers find the application, without a path. Its `/callback` is registered as the
    /// redirect URI, and its `/` as the post-logout redirect URI.
    pub url: Url,
    /// Whether the provider sends its response as a form, by a POST request (`response_mode=form_post`).
    pub form_post: bool,
}

/// An OpenID provider, and this application as its client.
pub struct Provider {
    issuer: IssuerUrl,
    client: Client,
    http: HttpClient,
    documents: Mutex<Documents>,
    clock: Clock,
}

/// The provider's discovery document with its keys. The times are those of [`Clock::monotonic`].
#[derive(Default)]
struct Documents {
    metadata: Option<Arc<Metadata>>,
    /// When their fetch began.
    fetched_at: Duration,
    /// When the last fetch failed, unless a later one succeeded.
    failed_at: Option<Duration>,
}

auth_core::redacted_debug!(Provider { issuer });

/// A login that has started: what its response has to match. It is kept in the visitor's session, and so bound
/// to the browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Login {
    pub(super) state: String,
    nonce: String,
    verifier: String,
    /// The page to return to.
    pub(super) next: ReturnPath,
}

/// The parameters of the response that ends a login (RFC 6749 section 4.1.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) state: String,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// The issuer (RFC 9207).
    iss: Option<String>,
}

impl Provider {
    /// Creates a provider with this issuer. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the issuer is not a URL, or is one over `http` that is not on this machine; or if the
    /// system's certificate authorities cannot be read.
    pub fn new(issuer: &str, client: Client, clock: Clock) -> Result<Self, Box<dyn Error>> {
        if !is_trustworthy(&issuer.parse()?) {
            return Err("an issuer over http must be on this machine".into());
        }
        let (issuer, http) = (IssuerUrl::new(issuer.to_owned())?, HttpClient::new()?);
        Ok(Self { issuer, client, http, documents: Mutex::default(), clock })
    }

    /// Returns the provider's documents: its discovery document and its keys. Fetches them if they are older.
    ///
    /// Requests wait for one fetch together. After a failure, all requests fail for a few seconds, so that a
    /// provider that is away neither keeps them waiting nor gets a request for each of them.
    async fn metadata(&self, max_age: Duration) -> Result<Arc<Metadata>, Failure> {
        let asked_at = self.clock.monotonic();
        let documents = timeout(TIMEOUT, self.documents.lock()).await;
        let mut documents = documents.map_err(|_| Failure::unavailable())?;
        let Documents { metadata, fetched_at, failed_at } = &mut *documents;
        let is_fresh = *fetched_at >= asked_at || asked_at - *fetched_at < max_age;
        if let Some(metadata) = metadata.as_ref().filter(|_| is_fresh) {
            return Ok(Arc::clone(metadata));
        }
        let now = self.clock.monotonic();
        if failed_at.is_some_and(|at| now.saturating_sub(at) < COOLDOWN) {
            return Err(Failure::unavailable());
        }
        let fetching = Metadata::discover_async(self.issuer.clone(), &self.http);
        let fetched = match timeout(TIMEOUT, fetching).await {
            Ok(fetched) => fetched.map_err(|error| match &error {
                DiscoveryError::Request(source) => Failure::unreachable(source),
                DiscoveryError::Response(status, ..) if status.is_server_error() => {
                    Failure::unreachable(&error)
                }
                _ => Failure::invalid(&error),
            }),
            Err(elapsed) => Err(Failure::unreachable(&elapsed)),
        };
        *failed_at = fetched.is_err().then(|| self.clock.monotonic());
        let fetched = Arc::new(fetched?);
        (*metadata, *fetched_at) = (Some(Arc::clone(&fetched)), now);
        Ok(fetched)
    }

    fn client(&self, metadata: &Metadata) -> Result<OidcClient, Failure> {
        let (id, secret) = (ClientId::new(self.client.id.clone()), self.client.secret.clone());
        let client = OidcClient::from_provider_metadata(metadata.clone(), id, secret);
        // The default is `client_secret_basic` (OpenID Connect Discovery 1.0 section 3).
        let methods = metadata.token_endpoint_auth_methods_supported();
        let basic = CoreClientAuthMethod::ClientSecretBasic;
        let auth_type = match methods.is_none_or(|methods| methods.contains(&basic)) {
            true => AuthType::BasicAuth,
            false => AuthType::RequestBody,
        };
        let callback = self.client.url.join("/callback").map_err(Failure::invalid)?;
        Ok(client.set_auth_type(auth_type).set_redirect_uri(RedirectUrl::from_url(callback)))
    }

    /// Starts a login. Returns where to send the browser, and what to keep until it comes back.
    pub(super) async fn start(&self, next: ReturnPath) -> Result<(Url, Login), Failure> {
        let client = self.client(&*self.metadata(MAX_AGE).await?)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = CoreAuthenticationFlow::AuthorizationCode;
        let mut request = client
            .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("profile".to_owned()))
            .set_max_age(MAX_AUTH_AGE)
            .set_pkce_challenge(challenge);
        if self.client.form_post {
            request = request.add_extra_param("response_mode", "form_post");
        }
        let (url, state, nonce) = request.url();
        let (state, nonce) = (state.into_secret(), nonce.secret().clone());
        Ok((url, Login { state, nonce, verifier: verifier.into_secret(), next }))
    }

    /// Finishes a login. Returns the ID token and its verified claims.
    pub(super) async fn finish(
        &self,
        login: Login,
        answer: Answer,
    ) -> Result<(SignedIdToken, Claims), Failure> {
        let metadata = self.metadata(MAX_AGE).await?;
        // The answer of another provider is not shown to this one (mix-up, RFC 9207 section 2.4).
        let announced =
            metadata.additional_metadata().authorization_response_iss_parameter_supported;
        if answer.iss.as_deref().map_or(announced, |issuer| issuer != self.issuer.as_str()) {
            return Err(Failure::rejected("the response is not from the provider\n"));
        }
        if let Some(error) = answer.error {
            return Err(Failure::refused(&error, answer.error_description.as_deref()));
        }
        let code = answer.code.ok_or(Failure::rejected("the response has no code\n"))?;
        let client = self.client(&metadata)?;
        let request =
            client.exchange_code(AuthorizationCode::new(code)).map_err(Failure::invalid)?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(login.verifier));
        let tokens = request.request_async(&self.http).await.map_err(|error| match &error {
            RequestTokenError::Request(source) => Failure::unreachable(source),
            RequestTokenError::ServerResponse(response)
                if *response.error() == CoreErrorResponseType::InvalidGrant =>
            {
                Failure::rejected("the provider does not accept the code; log in again\n")
            }
            _ => Failure::invalid(&error),
        })?;
        let id_token = tokens.id_token().ok_or_else(|| Failure::invalid("there is no ID token"))?;
        let nonce = Nonce::new(login.nonce);
        let verified = match verify(&client, id_token, &nonce, &tokens) {
            // The provider signs with a new key.
            Err(ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey,
            )) => {
                let client = self.client(&*self.metadata(Duration::ZERO).await?)?;
                verify(&client, id_token, &nonce, &tokens)
            }
            verified => verified,
        };
        let claims = verified.map_err(|error| match error {
            ClaimsVerificationError::InvalidNonce(_) => {
                Failure::rejected("the ID token belongs to another login\n")
            }
            error => Failure::invalid(&error),
        })?;
        Ok((id_token.clone(), claims))
    }

    /// Returns where to send the browser to end its session at the provider (OpenID Connect RP-Initiated
    /// Logout 1.0). Returns `None` if the provider does not support that.
    pub(super) async fn logout_url(
        &self,
        id_token: Option<&SignedIdToken>,
    ) -> Result<Option<Url>, Failure> {
        let metadata = self.metadata(MAX_AGE).await?;
        let endpoint = metadata.additional_metadata().end_session_endpoint.clone();
        Ok(endpoint.map(|endpoint| {
            let home = PostLogoutRedirectUrl::from_url(self.client.url.clone());
            let request = LogoutRequest::from(endpoint)
                .set_client_id(ClientId::new(self.client.id.clone()))
                .set_post_logout_redirect_uri(home);
            match id_token {
                Some(id_token) => request.set_id_token_hint(id_token),
                None => request,
            }
            .http_get_url()
        }))
    }
}

/// Verifies an ID token, and that the access token was issued with it.
fn verify(
    client: &OidcClient,
    id_token: &SignedIdToken,
    nonce: &Nonce,
    tokens: &StandardTokenResponse<Fields, CoreTokenType>,
) -> Result<Claims, ClaimsVerificationError> {
    let verifier = client.id_token_verifier();
    let claims = id_token.claims(&verifier, nonce)?;
    if let Some(expected) = claims.access_token_hash() {
        let invalid = ClaimsVerificationError::SignatureVerification;
        let algorithm = id_token.signing_alg().map_err(invalid)?;
        let key = id_token.signing_key(&verifier).map_err(invalid)?;
        let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key);
        if hash.ok().as_ref() != Some(expected) {
            return Err(ClaimsVerificationError::Other("at_hash is wrong".to_owned()));
        }
    }
    Ok(claims.clone())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use auth_core::{ManualClock, Timestamp};
    use axum::response::IntoResponse as _;
    use futures_util::future::join_all;
    use http::{StatusCode, header};
    use tokio::time::Instant;

    use super::*;

    /// Starts a server that is overloaded. Returns its URL, and the number of requests to it.
    fn overloaded() -> (String, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let count = Arc::<AtomicUsize>::default();
        let requests = Arc::clone(&count);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]).unwrap();
                requests.fetch_add(1, Ordering::SeqCst);
                let head = "HTTP/1.1 503 Service Unavailable";
                write!(stream, "{head}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
            }
        });
        (url, count)
    }

    fn provider(issuer: &str) -> (Provider, ManualClock) {
        let client = Client {
            id: "shop".to_owned(),
            secret: None,
            url: Url::parse("http://localhost:3000").unwrap(),
            form_post: false,
        };
        let clock = ManualClock::new(Timestamp::from_secs(1000));
        (Provider::new(issuer, client, clock.clock()).unwrap(), clock)
    }

    /// Starts ten logins, which fail.
    async fn fail_to_start(provider: &Provider) {
        for login in join_all((0..10).map(|_| provider.start(ReturnPath::default()))).await {
            let response = login.map(|_| ()).unwrap_err().into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        }
    }

    /// The fault: each request waited for those before it, and asked the provider again.
    #[tokio::test]
    async fn a_provider_that_is_away_is_asked_once_in_a_while() {
        let (issuer, requests) = overloaded();
        let (provider, clock) = provider(&issuer);
        for (pause, expected) in [(0, 1), (4, 1), (1, 2)] {
            clock.advance(Duration::from_secs(pause));
            fail_to_start(&provider).await;
            assert_eq!(requests.load(Ordering::SeqCst), expected, "{pause} s later");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_does_not_answer_keeps_no_login_waiting_for_long() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let (provider, _) = provider(&format!("http://{}", silent.local_addr().unwrap()));
        let since = Instant::now();
        fail_to_start(&provider).await;
        assert!(since.elapsed() <= TIMEOUT * 2, "{:?}", since.elapsed());
    }
}
