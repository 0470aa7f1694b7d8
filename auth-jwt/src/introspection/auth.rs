//! [`IntrospectionAuth`], which authenticates requests by opaque tokens of another issuer, and [`Introspection`],
//! its options.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    Attempt, AuthFuture, AuthLayer, Authenticator, Challenge, ChallengeReason, Claims, Clock,
    Identity, Outcome, Rejection, RejectionReason, RequestHead, SignInContext, Timestamp,
    to_completion,
};
use base64_simd::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::answers::{ActiveToken, Answers, TokenState};
use super::endpoint::Endpoint;
use crate::cache::TokenDigest;
use crate::claims::{Payload, TokenClaims, application_claims};
use crate::jws::TOO_LONG;
use crate::protected_resource::{ProtectedResource, challenge};
use crate::rejections;
use crate::remote_keys::{
    Client, FetchError, HttpClient, InvalidRemoteKeys, checked_url, client_or_default, within,
};
use crate::revocation_list::{Freshness, RevocableNames, RevocationList};
use crate::validation::{NO_ISSUER, Validation};
use crate::verifier::foreign_identity;

/// The maximum length of a token.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// How long the answer that a token is not active is used at most.
const MAX_AGE_OF_REFUSALS: Duration = Duration::from_secs(5);

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
    options: Options,
}

/// The options other than those of the endpoint.
struct Options {
    validation: Validation,
    /// Whether an answer need not state that the token is an access token.
    accepts_unstated: bool,
    max_age: Duration,
    cache_capacity: usize,
    realm: Arc<str>,
    resource: Option<ProtectedResource>,
    revocations: RevocationList,
    clock: Clock,
}

impl Introspection {
    /// Creates the options of the endpoint at this URL, which must be `https` or on this machine. The endpoint is
    /// the `introspection_endpoint` in the discovery document of an issuer.
    pub fn new(url: impl Into<Box<str>>) -> Self {
        Self {
            url: url.into(),
            authorization: None,
            http_client: None,
            authorities: None,
            options: Options {
                validation: Validation::new(),
                accepts_unstated: false,
                max_age: Duration::from_secs(30),
                cache_capacity: 10_000,
                realm: Challenge::DEFAULT_REALM.into(),
                resource: None,
                revocations: RevocationList::default(),
                clock: Clock::system(),
            },
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
    pub fn validation(mut self, validation: Validation) -> Self {
        self.options.validation = validation;
        self
    }

    /// Also accepts tokens of which the endpoint does not state that they are access tokens. By default, an answer
    /// must have a `token_type` (`Bearer`), or the kind of the token in `token_use` or `typ`.
    ///
    /// An endpoint also reports refresh tokens as active (RFC 7662 section 2.1). Many issuers leave out only their
    /// `token_type`, because it is defined for access tokens (RFC 6749 section 5.1). With this option, such a
    /// refresh token authenticates requests.
    pub fn insecure_missing_token_type(mut self) -> Self {
        self.options.accepts_unstated = true;
        self
    }

    /// Sets for how long an answer is used at most. Defaults to 30 seconds. A token that its issuer revokes
    /// may be accepted for that long. With zero, each request waits for the answer to a query that began after the
    /// request had arrived.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.options.max_age = age;
        self
    }

    /// Sets for how many tokens answers are kept. Defaults to 10,000; must be at least 1.
    ///
    /// # Panics
    ///
    /// Panics if it is 0. To keep no answers, set [`max_age`](Self::max_age).
    pub fn cache_capacity(mut self, tokens: usize) -> Self {
        assert!(tokens > 0, "`cache_capacity` must be at least 1");
        self.options.cache_capacity = tokens;
        self
    }

    /// Refuses tokens that are in this list: see [`JwtAuth::revocations`](crate::JwtAuth::revocations). Each use of
    /// an answer is checked, by the `jti`, `sid` and `sub` that it states.
    ///
    /// A revocation names the issuer, and many answers do not. So require an [issuer](Validation::issuer), which
    /// counts as that of an answer without `iss`. Without it, such a token is rejected.
    ///
    /// A revocation is kept for the longest lifetime of a token
    /// ([`Revocations::max_token_lifetime`](auth_store::Revocations::max_token_lifetime)). Set it to more than the
    /// lifetime of tokens whose answers state no `exp`, because these are accepted again afterwards.
    #[cfg(feature = "sign-in")]
    pub fn revocations(mut self, revocations: auth_store::Revocations) -> Self {
        self.options.revocations.list = Some(revocations);
        self
    }

    /// Sets the realm in the `WWW-Authenticate: Bearer` header of refusals. Defaults to `api`.
    pub fn realm(mut self, realm: impl Into<Arc<str>>) -> Self {
        self.options.realm = realm.into();
        self
    }

    /// Names this API in challenges: see [`JwtAuth::protected_resource`](crate::JwtAuth::protected_resource).
    pub fn protected_resource(mut self, resource: impl Into<ProtectedResource>) -> Self {
        self.options.resource = Some(resource.into());
        self
    }

    /// Sets the clock, for tests. Defaults to the system's clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.options.clock = clock;
        self
    }

    /// Sends requests with this client. The body of a request contains the token. Defaults to hyper with rustls,
    /// which uses the certificate authorities of the system and no proxy.
    ///
    /// The client [must not follow redirects](HttpClient).
    pub fn http_client(self, client: impl HttpClient) -> Self {
        Self { http_client: Some(Arc::new(client)), ..self }
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
        let client = client_or_default(self.http_client, self.authorities.as_deref())?;
        let endpoint = Endpoint { url, client, authorization };
        Ok(IntrospectionAuth::new(Arc::new(Config { endpoint, options: self.options })))
    }
}

/// Leaves out the credentials.
impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Authenticates requests by tokens that an introspection endpoint explains (RFC 7662): opaque tokens, which
/// only their issuer can interpret. Created by [`Introspection`].
///
/// It is a Tower layer, which refuses every request without an identity; [`optional`](Self::optional) lets
/// them through. An answer of the endpoint is kept by the SHA-256 of the token, and used for 30 seconds, or
/// until the token expires: see [`max_age`](Introspection::max_age). A refusal is used for five
/// seconds. On a route with [`Require::revalidated`](auth_core::Require::revalidated), a request waits for the
/// answer to a query that began after the request had arrived.
///
/// Requests with the same token share one query of the endpoint, and each token has one query in progress at a
/// time. At most 32 queries are in progress about tokens that were not active before, so that a flood of made-up
/// tokens does not become a flood of requests to the issuer, and at most 32 about others. If there is no answer
/// after five seconds, or no usable one, the request gets 503, and the event `introspection failed` states the
/// reason. The query then continues for other requests that wait, for five seconds at most. A token of more than
/// 8 KiB is rejected.
///
/// A token may be accepted for `max_age` after its issuer has revoked it. `Introspection::revocations` (feature
/// `sign-in`) refuses tokens at once.
///
/// # With other backends
///
/// In [`any_of`](auth_core::any_of), every other backend that recognizes a bearer token takes precedence,
/// wherever it is in the list: a [`JwtAuth`](crate::JwtAuth) takes the JSON Web Tokens of its issuers. Those of
/// other issuers go to the backend that is listed first: list `JwtAuth` first to reject them. All other bearer
/// tokens are sent to the endpoint.
///
/// The credentials of this application are recognized by their form, so they are not sent: refresh tokens and
/// those of pending sign-ins by a `JwtAuth` with sign-ins, and opaque tokens by a `SessionAuth` that accepts them.
/// The content of a session cookie has no prefix, so as a bearer token it is like any other random text.
#[must_use]
pub struct IntrospectionAuth<C = Claims> {
    shared: Arc<Shared<C>>,
}

struct Shared<C> {
    config: Arc<Config>,
    answers: Arc<Answers<C>>,
}

/// What does not depend on the type of the claims.
struct Config {
    endpoint: Endpoint,
    options: Options,
}

impl<C> IntrospectionAuth<C> {
    fn new(config: Arc<Config>) -> Self {
        let Options { cache_capacity, clock, .. } = &config.options;
        let answers = Answers::new(*cache_capacity, clock.clone());
        Self { shared: Arc::new(Shared { config, answers }) }
    }

    /// Sets the type of the application's own claims. They are read from all members of an answer; members
    /// that `D` does not have are ignored.
    pub fn claims<D: DeserializeOwned + Send + Sync + 'static>(self) -> IntrospectionAuth<D> {
        IntrospectionAuth::new(Arc::clone(&self.shared.config))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.shared.config.endpoint
    }

    fn options(&self) -> &Options {
        &self.shared.config.options
    }

    fn clock(&self) -> &Clock {
        &self.options().clock
    }
}

impl<C: DeserializeOwned + Send + Sync + 'static> IntrospectionAuth<C> {
    /// Lets requests without an identity through.
    #[must_use]
    pub fn optional(self) -> AuthLayer<Self> {
        AuthLayer::new(self).optional()
    }

    /// Verifies a token that did not come with a request: from a message on a socket, or a queue.
    #[must_use]
    pub fn verify(&self, token: &[u8]) -> AuthFuture<Outcome<C>> {
        self.check(token, Freshness::Cached)
    }

    fn check(&self, token: &[u8], freshness: Freshness) -> AuthFuture<Outcome<C>> {
        if let Err(reason) = check_form(token) {
            return self.refuse(reason).into();
        }
        let (digest, now) = (TokenDigest::of(token), self.clock().now());
        if freshness == Freshness::Cached
            && let Some(state) = self.shared.answers.find(&digest, now)
        {
            return self.conclude(&state, freshness, now);
        }
        let (auth, token) = (self.clone(), Box::<[u8]>::from(token));
        AuthFuture::boxed(async move {
            match within(auth.clock(), auth.clone().ask(digest, token, freshness)).await {
                Ok(state) => auth.conclude(&state, freshness, auth.clock().now()).await,
                Err(error) => auth.unavailable(error),
            }
        })
    }

    /// Returns what the endpoint says about a token. Of several requests with the same token, one asks. Its
    /// question continues if that request is dropped, because those that arrive meanwhile wait for it: if each
    /// began one of its own, a slow endpoint would answer none of them in time.
    async fn ask(
        self,
        digest: TokenDigest,
        token: Box<[u8]>,
        freshness: Freshness,
    ) -> Result<Arc<TokenState<C>>, FetchError> {
        let answers = &self.shared.answers;
        let place = answers.place(digest);
        let begun = place.begun();
        let asking = Arc::clone(&place.asking).lock_owned().await;
        // Another request may have asked meanwhile.
        let known = match freshness {
            Freshness::Cached => answers.find(&digest, self.clock().now()),
            Freshness::Anew => None,
        };
        if let Some(state) = known.or_else(|| place.state_since(begun)) {
            return Ok(state);
        }
        let permit = Arc::clone(answers.questions(&place)).acquire_owned().await; // never closed
        to_completion(async move {
            let _held = (asking, permit);
            let question = place.begin();
            let state = within(self.clock(), self.introspect(&token)).await.map(Arc::new);
            if let Ok(state) = &state {
                place.set(question, Arc::clone(state));
            }
            state
        })
        .await
    }

    async fn introspect(&self, token: &[u8]) -> Result<TokenState<C>, FetchError> {
        let (endpoint, max_age) = (self.endpoint(), self.options().max_age);
        // What happens to the token from now on may not be in the answer.
        let asked_at = self.clock().now();
        let answer = endpoint.ask(token).await?;
        let token = match endpoint.claims(&answer)? {
            Some(json) => self.read(json, asked_at),
            None => Err(RejectionReason::Unknown),
        };
        let until = match &token {
            Ok(token) => (asked_at + max_age).min(token.identity.expires_at()),
            Err(_) => asked_at + max_age.min(MAX_AGE_OF_REFUSALS),
        };
        Ok(TokenState { token, until })
    }

    /// Reads the answer about an active token, and validates it like the claims of a JSON Web Token.
    fn read(&self, json: &str, now: Timestamp) -> Result<ActiveToken<C>, RejectionReason> {
        let Options { validation, accepts_unstated, revocations, .. } = self.options();
        let payload = Payload::read(json)?;
        let all = validation.read_all(&payload)?;
        let mut claims = TokenClaims::read(&payload, &validation.layout)?;
        // Both are optional, because the issuer has checked them.
        claims.expires_at.get_or_insert(Timestamp::MAX);
        if claims.issuer.is_none() {
            claims.issuer = validation.issuer.as_deref().map(Into::into);
        }
        validation.check_token_use(&payload, *accepts_unstated)?;
        let validity = validation.check_claims(&claims)?;
        validity.check(now)?;
        validation.check_values(all.as_ref())?;
        claims.roles = validation.roles(claims.roles, all.as_ref());
        let own = application_claims(&payload)?;
        let names = match (revocations.is_set(), &claims.issuer) {
            (true, Some(_)) => RevocableNames::of(&claims),
            (true, None) => return Err(NO_ISSUER), // no revocation could name the token
            (false, _) => RevocableNames::default(),
        };
        let identity = foreign_identity("introspection", &mut claims, own, validation, now);
        Ok(ActiveToken { identity, validity, checks: validation.application_checks(all), names })
    }

    /// Decides what a token proves, by what the endpoint said and by the list of revocations.
    fn conclude(
        &self,
        state: &TokenState<C>,
        freshness: Freshness,
        now: Timestamp,
    ) -> AuthFuture<Outcome<C>> {
        match state.valid(now) {
            Ok(ActiveToken { identity, names, .. }) => {
                self.options().revocations.admit(identity, names, now, freshness)
            }
            Err(reason) => self.refuse(reason).into(),
        }
    }

    fn refuse(&self, reason: RejectionReason) -> Outcome<C> {
        let issuer = || self.options().validation.issuer_name().cloned().unwrap_or_default();
        rejections::count(reason, issuer);
        Outcome::Rejected(Rejection::new("bearer", reason))
    }

    fn unavailable(&self, error: FetchError) -> Outcome<C> {
        if let Some(suppressed) = self.clock().admit_event("introspection failed") {
            let (endpoint, kind) = (&self.endpoint().url, error.kind().as_str());
            tracing::warn!(%endpoint, kind, %error, suppressed, "introspection failed");
        }
        Outcome::Unavailable(error.into())
    }
}

/// Checks that a credential has the form of a bearer token (RFC 6750 section 2.1).
fn check_form(token: &[u8]) -> Result<(), RejectionReason> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(TOO_LONG);
    }
    let padding = token.iter().rev().take_while(|byte| **byte == b'=').count();
    let text = &token[..token.len() - padding];
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte);
    if text.is_empty() || !text.iter().all(is_allowed) {
        return Err(RejectionReason::Malformed);
    }
    Ok(())
}

impl<C: DeserializeOwned + Send + Sync + 'static> Authenticator for IntrospectionAuth<C> {
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        // Every backend that recognizes the token knows more about it.
        Some(Attempt::explicit(self.verify(head.credentials("Bearer")?)).tentative())
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        let Options { realm, resource, .. } = self.options();
        challenge(realm, resource.as_ref(), reason).append_to(headers);
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static("authorization")
    }

    /// Asks the endpoint again.
    fn revalidate(&self, context: SignInContext<'_>, _: &Identity<C>) -> AuthFuture<Outcome<C>> {
        match context.credentials("Bearer") {
            Some(token) => self.check(token, Freshness::Anew),
            None => self.refuse(RejectionReason::Unknown).into(),
        }
    }

    fn clock(&self) -> &Clock {
        &self.options().clock
    }
}

auth_core::backend_layer!(IntrospectionAuth<C>);

impl<C> Clone for IntrospectionAuth<C> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<C> fmt::Debug for IntrospectionAuth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Options { validation, max_age, .. } = self.options();
        f.debug_struct("IntrospectionAuth")
            .field("endpoint", &self.endpoint().url.as_str())
            .field("validation", validation)
            .field("max_age", max_age)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use auth_core::{BoxFuture, ManualClock};
    use bytes::Bytes;
    use http::{Request, Response};
    use tokio::task::{JoinSet, yield_now};

    use super::*;

    /// An endpoint that does not answer.
    struct Silent;

    impl Client for Silent {
        fn send(&self, _: Request<String>) -> BoxFuture<Result<Response<Bytes>, FetchError>> {
            Box::pin(std::future::pending())
        }
    }

    /// The fault: the places of requests that gave up stayed, so a flood of made-up tokens filled the cache.
    #[tokio::test]
    async fn requests_that_give_up_leave_no_places() {
        let clock = ManualClock::new(Timestamp::from_secs(1000));
        let introspection = Introspection::new("https://a.example").clock(clock.clock());
        let introspection = introspection.max_age(Duration::ZERO).cache_capacity(1000);
        let auth = introspection.http_client(Silent).build().unwrap();
        let yields = async || {
            for _ in 0..100 {
                yield_now().await;
            }
        };
        let mut hung_up = JoinSet::new();
        let mut timed_out = JoinSet::new();
        for number in 0..100 {
            let requests = if number % 2 == 0 { &mut hung_up } else { &mut timed_out };
            let auth = auth.clone();
            requests.spawn(async move { auth.verify(format!("{number}").as_bytes()).await });
        }
        yields().await;
        assert_eq!(auth.shared.answers.len(), 100);
        hung_up.shutdown().await;
        clock.advance(Duration::from_secs(5));
        for outcome in timed_out.join_all().await {
            assert!(matches!(outcome, Outcome::Unavailable(_)), "{outcome:?}");
        }
        yields().await;
        clock.advance(Duration::from_secs(5)); // a few questions began at the last moment
        yields().await;
        assert_eq!(auth.shared.answers.len(), 0);
    }
}
