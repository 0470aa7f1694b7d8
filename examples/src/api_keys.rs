//! API keys, as a backend of the application's own.
//!
//! A key is a stored sign-in like a session: it can share the store with them, has a label, a last use and an
//! expiry, and is listed and revoked in the same way. It is a kind of its own, so that no key passes as
//! another credential, and a user who signs in ends no key. The guide `docs/backends.md` explains each step.

use std::time::Duration;

use async_trait::async_trait;
use auth_core::{
    Attempt, AuthError, AuthFuture, Authenticator, BoxError, Challenge, ChallengeReason, Clock,
    Identity, Outcome, Principal, Rejection, RejectionReason, RequestHead, ResponseEffects,
    SignInBackend, SignInContext, SignInOptions, SignInResult, SignedIn, StoredSignIns,
    TokenResponse, Transport,
};
use auth_store::{
    IntoStore, IssuedSecret, Lifetime, NewSignIn, OverflowPolicy, Secret, SecretKind, SignInLimit,
    SignInManager, UserCheck,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};

use crate::users::User;

/// The name of the backend, of its scheme, and of the kind of its secrets, which is stored with each key.
pub const NAME: &str = "api-key";

/// The header that carries a key.
const HEADER: &str = "x-api-key";

/// The beginning of each key, by which scanners for leaked secrets recognize it.
const PREFIX: &str = "shop_";

/// Authenticates requests by an API key in `X-Api-Key`.
#[derive(Clone, Debug)]
pub struct ApiKeys {
    keys: SignInManager,
    kind: SecretKind,
}

impl ApiKeys {
    /// Creates the backend for keys in this store. They end after 90 days, and a user has at most 20: a further
    /// one is refused.
    ///
    /// # Panics
    ///
    /// Does not panic: the lifetime and the limit are valid.
    pub fn new(store: impl IntoStore) -> Self {
        let mut keys = SignInManager::new(store.into_store());
        let days = Duration::from_secs(90 * 24 * 3600);
        keys.settings.lifetime = Lifetime::new(None, days).expect("more than a second");
        let max = 20.try_into().expect("not zero");
        keys.settings.limit = Some(SignInLimit { max, when_full: OverflowPolicy::Reject });
        Self { keys, kind: SecretKind::custom(NAME) }
    }

    /// Sets the clock. Defaults to the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.keys.settings.clock = clock;
        self
    }

    /// Sets the check of a key's owner: when the key is created, and at a request if the last check is a minute
    /// old. A key whose owner is refused ends.
    #[must_use]
    pub fn check_user<F, A>(mut self, check: F) -> Self
    where
        F: Fn(UserCheck) -> A + Send + Sync + 'static,
        A: Future<Output = Result<bool, BoxError>> + Send + 'static,
    {
        self.keys.settings.check_user(check);
        self.keys.settings.user_check_age = Some(Duration::from_secs(60));
        self
    }

    /// Creates a key without a request, for example on a command line. Only its digest is stored.
    ///
    /// # Errors
    ///
    /// Returns an error if the store did not answer, or if the owner has 20 keys.
    pub async fn issue(
        &self,
        owner: Principal<User>,
        label: &str,
        lifetime: Option<Lifetime>,
    ) -> Result<String, AuthError> {
        let mut options = SignInOptions::new(owner);
        options.label = Some(label.into());
        options.lifetime = lifetime;
        let new = NewSignIn::of(self.kind, &options, None)?;
        Ok(encode(&self.keys.issue(&new).await?))
    }
}

impl Authenticator for ApiKeys {
    type Claims = User;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<User>> {
        Some(Attempt::explicit(match find(head.headers())? {
            Ok(secret) => self.keys.authenticate(secret, self.kind),
            Err(reason) => rejected(reason).into(),
        }))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        use ChallengeReason::{InvalidCredential, MissingCredential};
        if matches!(reason, MissingCredential | InvalidCredential(_)) {
            Challenge::new("ApiKey").append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(HEADER)
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<User>> {
        Some(self)
    }

    fn clock(&self) -> &Clock {
        &self.keys.settings.clock
    }
}

#[async_trait]
impl SignInBackend<User> for ApiKeys {
    fn name(&self) -> &'static str {
        NAME
    }

    fn supports_transport(&self, transport: Transport) -> bool {
        transport == Transport::Explicit
    }

    /// Creates a key, which the response's body carries once.
    async fn sign_in(
        &self,
        context: SignInContext<'_>,
        options: SignInOptions<User>,
    ) -> SignInResult {
        let new = NewSignIn::of(self.kind, &options, context.user_agent())?;
        let issued = self.keys.sign_in(context.state(), &new).await?;
        context.state().effects(ResponseEffects::credential_in_body);
        let lasts = issued.remaining(self.keys.settings.clock.now());
        let key = TokenResponse::new("ApiKey", encode(&issued), lasts);
        let identity = issued.identity(options.principal, NAME);
        Ok(SignedIn::by_tokens(issued.id(), key).identity(identity))
    }

    /// Ends the key of the request.
    async fn sign_out(&self, context: SignInContext<'_>) -> Result<(), AuthError> {
        if let Some(Ok(secret)) = find(context.headers())
            && let Some(id) = self.keys.resolve(&secret, self.kind).await?
        {
            self.keys.end(&id).await?;
        }
        Ok(())
    }

    fn stored_sign_ins(&self) -> &dyn StoredSignIns {
        &self.keys
    }

    fn revalidate(
        &self,
        context: SignInContext<'_>,
        _: &Identity<User>,
    ) -> AuthFuture<Outcome<User>> {
        match find(context.headers()) {
            Some(Ok(secret)) => self.keys.revalidate(secret, self.kind),
            Some(Err(reason)) => rejected(reason).into(),
            None => rejected(RejectionReason::Unknown).into(),
        }
    }
}

fn rejected(reason: RejectionReason) -> Outcome<User> {
    Outcome::Rejected(Rejection::new(NAME, reason))
}

/// Finds the key of a request. The same one twice is one; two different ones are rejected.
fn find(headers: &HeaderMap) -> Option<Result<Secret, RejectionReason>> {
    let mut keys = headers.get_all(HEADER).iter();
    let key = keys.next()?;
    Some(match keys.all(|other| other == key) {
        true => decode(key.as_bytes()).ok_or(RejectionReason::Malformed),
        false => Err(RejectionReason::Duplicate),
    })
}

/// Writes a key: the prefix, the secret and a checksum.
fn encode(issued: &IssuedSecret) -> String {
    let secret = issued.secret.to_text();
    format!("{PREFIX}{}{}", *secret, checksum(secret.as_bytes()))
}

/// Reads a key. One that was cut or mistyped is recognized here, and costs no look-up.
fn decode(key: &[u8]) -> Option<Secret> {
    let (secret, sum) = key.strip_prefix(PREFIX.as_bytes())?.split_at_checked(Secret::TEXT_LEN)?;
    if checksum(secret).as_bytes() != sum {
        return None;
    }
    Secret::parse(secret)
}

/// Returns six characters that depend on every character of the secret.
fn checksum(secret: &[u8]) -> String {
    let digest = Sha256::new_with_prefix("checksum").chain_update(secret).finalize();
    let mut sum = URL_SAFE_NO_PAD.encode(digest);
    sum.truncate(6);
    sum
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::future::ready;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use auth_core::conformance::{self, BackendFixture, TestLayer};
    use auth_core::{Auth, AuthErrorKind, ConfigError, ManualClock, Revoke, SignInId, any_of};
    use auth_session::SessionAuth;
    use auth_store::{MemoryStore, Peek, Store, StoreError, forward_store};
    use http::{HeaderName, Request, Response};
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;

    /// A store that fails on request.
    struct Failing {
        store: MemoryStore,
        fails: AtomicBool,
    }

    impl Failing {
        async fn unless_failing<T>(
            &self,
            _: &'static str,
            call: impl Future<Output = Result<T, StoreError>>,
        ) -> Result<T, StoreError> {
            match self.fails.load(Ordering::SeqCst) {
                true => Err(StoreError::unavailable("the store is down")),
                false => call.await,
            }
        }
    }

    #[async_trait]
    impl Store for Failing {
        forward_store!(self => self.store, around: unless_failing, except: [peek]);

        fn peek(&self, id: &SignInId, see: &mut dyn FnMut(Peek<'_>)) {
            match self.fails.load(Ordering::SeqCst) {
                true => see(Peek::Miss),
                false => self.store.peek(id, see),
            }
        }
    }

    struct Fixture {
        keys: ApiKeys,
        clock: ManualClock,
        store: Arc<Failing>,
    }

    fn with_key(key: &str) -> HeaderMap {
        let name = HeaderName::from_static(HEADER);
        HeaderMap::from_iter([(name, HeaderValue::from_str(key).unwrap())])
    }

    #[async_trait]
    impl BackendFixture for Fixture {
        type Claims = User;

        fn backend(&self) -> Arc<dyn Authenticator<Claims = User>> {
            self.keys.clone().erased()
        }

        fn principal(&self, subject: &str) -> Principal<User> {
            Principal::new(subject).claims(User::named(subject))
        }

        fn credential_of(&self, response: &Response<String>) -> HeaderMap {
            let body = serde_json::from_str::<serde_json::Value>(response.body());
            let key = body.ok().and_then(|body| Some(body["access_token"].as_str()?.to_owned()));
            key.map(|key| with_key(&key)).unwrap_or_default()
        }

        fn invalid(&self) -> Vec<HeaderMap> {
            let forged = Secret::generate(SignInId::from_bytes([7; 16])).unwrap().to_text();
            let forged = format!("{PREFIX}{}{}", *forged, checksum(forged.as_bytes()));
            ["abc", PREFIX, &forged, &forged[PREFIX.len()..]].map(with_key).to_vec()
        }

        fn refreshes(&self) -> bool {
            false
        }

        async fn expire(&self) -> bool {
            self.clock.advance(Duration::from_secs(90 * 24 * 3600));
            true
        }

        async fn revoke(&self, subject: &str) -> bool {
            self.keys.keys.revoke(subject, Revoke::All).await.unwrap() > 0
        }

        fn set_failing(&self, failing: bool) -> bool {
            self.store.fails.store(failing, Ordering::SeqCst);
            true
        }
    }

    #[tokio::test]
    async fn the_backend_passes_the_conformance_suite() {
        let fresh = async || {
            let clock = ManualClock::new(Clock::system().now());
            let fails = AtomicBool::new(false);
            let store = Arc::new(Failing { store: MemoryStore::new(), fails });
            let keys = ApiKeys::new(Arc::clone(&store)).clock(clock.clock());
            Fixture { keys, clock, store }
        };
        let mount = |layer: TestLayer<User>, handler| layer.layer(handler);
        let report = conformance::run(fresh, mount).await;
        report.assert_passed();
        // A key is in no cookie, and is not refreshed.
        let left_out = [
            "sec_82_another_site_cannot_sign_in",
            "another_site_cannot_refresh",
            "another_site_cannot_sign_out",
            "a_refresh_replaces_the_credential_of_the_same_sign_in",
        ];
        assert_eq!(report.left_out(), left_out);
    }

    /// A key that is valid before the second factor would be no second factor.
    #[tokio::test]
    async fn sec_72_a_key_cannot_be_pending() {
        let store = Arc::new(MemoryStore::new());
        let (keys, sessions) =
            (ApiKeys::new(Arc::clone(&store)), SessionAuth::new(Arc::clone(&store)));
        let layer = any_of((keys, sessions.claims::<User>())).optional();
        let handler = service_fn(|request: Request<()>| {
            let auth = Auth::<User>::of(&request).unwrap();
            let alice = Principal::new("alice").claims(User::named("Alice"));
            async move {
                for backend in [None, Some(NAME)] {
                    let sign_in = auth.sign_in(alice.clone()).pending();
                    let refused = match backend {
                        None => sign_in.await,
                        Some(name) => sign_in.backend(name).await,
                    };
                    let refused = refused.unwrap_err();
                    assert_eq!(refused.kind(), AuthErrorKind::Config);
                    let source = refused.source().unwrap().downcast_ref();
                    assert_eq!(source, Some(&ConfigError::NoPendingSignIns));
                }
                ready(Ok::<_, std::convert::Infallible>(Response::new(String::new()))).await
            }
        });
        layer.layer(handler).oneshot(Request::post("/").body(()).unwrap()).await.unwrap();
        assert!(store.is_empty());
    }
}
