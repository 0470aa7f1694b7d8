//! [`SessionAuth`], the session backend: its options, and how it authenticates requests.
//!
//! The secret of a session is in a cookie or in an `Authorization` header. `Config` is the
//! configuration of a [`SessionAuth`] without the type of its claims.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use auth_core::{
    Attempt, AuthError, AuthErrorKind, AuthFuture, AuthLayer, Authenticator, Challenge,
    ChallengeReason, Claims, Clock, CookieBuilder, CookiePolicy, CrossOriginProtection, Outcome,
    Rejection, RejectionReason, RequestCookie, RequestHead, ResponseEffects, SignInBackend,
    SignInContext, Timestamp, Transport,
};
use auth_store::{
    IntoStore, IssuedSecret, Lifetime, Secret, SecretKind, SessionBackend, SignInCookies,
    SignInManager, SignInRequest, SignInSettings, Store,
};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Authenticates requests by sessions: an opaque secret, in a cookie or an `Authorization` header,
/// proves a sign-in in the store.
///
/// It is a Tower layer, which refuses every request without an identity;
/// [`optional`](Self::optional) lets them through. The defaults are safe: a `__Host-` cookie for TLS
/// with `HttpOnly` and `SameSite=Lax` that ends with the browser session, an idle timeout of one hour,
/// an absolute timeout of one day, and no unsafe cross-origin requests.
///
/// # Examples
///
/// Authenticate the requests of an application. Routes that serve visitors need `optional`:
///
/// ```
/// use auth_session::{Identity, MemoryStore, SessionAuth};
/// use axum::{Router, routing::get};
///
/// async fn home(user: Option<Identity>) -> String {
///     user.map_or("welcome".into(), |user| format!("hello {}", user.subject()))
/// }
///
/// let auth = SessionAuth::new(MemoryStore::new());
/// let app: Router = Router::new().route("/", get(home)).layer(auth.optional());
/// ```
///
/// Set how long sign-ins last, how many a user may have, and which other origin may use the cookie:
///
/// ```
/// use std::time::Duration;
/// use auth_session::{MemoryStore, OverflowPolicy, SessionAuth};
///
/// let auth = SessionAuth::new(MemoryStore::new())
///     .idle_timeout(Duration::from_secs(20 * 60))
///     .absolute_timeout(Duration::from_secs(12 * 3600))
///     .max_sign_ins(5, OverflowPolicy::EvictOldest)
///     .trusted_origin("https://app.example.com")?;
/// # Ok::<(), auth_session::InvalidOrigin>(())
/// ```
///
/// Name the cookie, and share it with other hosts of the domain:
///
/// ```
/// use auth_session::{CookieBuilder, MemoryStore, SessionAuth};
///
/// let cookie = CookieBuilder::new("__Secure-shop").domain("shop.example").build()?;
/// let auth = SessionAuth::new(MemoryStore::new()).cookie(cookie);
/// # Ok::<(), auth_session::InvalidCookie>(())
/// ```
///
/// Store claims of your own with each sign-in:
///
/// ```
/// use auth_session::{Auth, AuthError, MemoryStore, Principal, SessionAuth, SignedIn};
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct User {
///     language: String,
/// }
///
/// async fn login(auth: Auth<User>) -> Result<SignedIn, AuthError> {
///     auth.sign_in(Principal::new("alice").claims(User { language: "en".into() })).await
/// }
///
/// let auth = SessionAuth::new(MemoryStore::new()).claims::<User>();
/// ```
///
/// Administer sign-ins, without a request of their user:
///
/// ```
/// use auth_session::{AuthError, Revoke, SessionAuth};
///
/// async fn disable(auth: &SessionAuth, user: &str) -> Result<usize, AuthError> {
///     auth.sign_in_manager().revoke(user, Revoke::All).await
/// }
/// ```
///
/// Share sign-ins among servers by a [store](auth_store::connect) that its URL names:
///
/// ```
/// use auth_session::{ConnectError, SessionAuth, connect};
///
/// async fn auth(url: &str) -> Result<SessionAuth, ConnectError> {
///     Ok(SessionAuth::new(connect(url).await?))
/// }
/// ```
///
/// The guide in the repository begins with `docs/guide/quick-start.md`. `docs/guide/session-or-jwt.md` compares it
/// with tokens.
#[must_use]
pub struct SessionAuth<C = Claims> {
    pub(crate) config: Arc<Config>,
    pub(crate) session_backend: Arc<dyn SessionBackend>,
    claims: PhantomData<fn() -> C>,
}

impl SessionAuth<Claims> {
    /// Creates the backend for sessions in this store: a store, an `Arc` of one, or an
    /// `Arc<dyn Store>`.
    pub fn new(store: impl IntoStore) -> Self {
        Self::with(Config::new(store.into_store()))
    }
}

impl<C> SessionAuth<C> {
    fn with(config: Config) -> Self {
        let config = Arc::new(config);
        let session_backend = Arc::clone(&config) as Arc<dyn SessionBackend>;
        Self { config, session_backend, claims: PhantomData }
    }

    fn change(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::clone(&self.config);
        change(&mut config);
        Self::with(config)
    }

    fn change_settings(self, change: impl FnOnce(&mut SignInSettings)) -> Self {
        self.change(|config| change(&mut config.sign_ins.settings))
    }

    /// Sets the type of the application's own claims, which are stored with the sign-in as JSON. Defaults to
    /// [`Claims`], which holds any JSON object.
    ///
    /// A credential whose stored claims cannot be read as a `D` is rejected
    /// ([`StoredClaims`](RejectionReason::StoredClaims)), and the user has to sign in again. So a member
    /// that a later deployment adds to `D` needs a default.
    pub fn claims<D>(self) -> SessionAuth<D>
    where
        D: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        SessionAuth {
            config: self.config,
            session_backend: self.session_backend,
            claims: PhantomData,
        }
    }

    /// Sets the cookie's name and attributes. Defaults to `__Host-session`.
    pub fn cookie(self, cookie: CookiePolicy) -> Self {
        self.change(|config| config.cookie = cookie)
    }

    /// Uses a cookie `session` without `Secure`, for development at `http://localhost`: browsers and
    /// `curl` send it over plain HTTP. Do not use this on a public host, because anyone who can read
    /// the network can take the cookie.
    pub fn insecure_http(self) -> Self {
        self.cookie(Config::insecure_cookie())
    }

    /// Also issues and accepts secrets as `Authorization: Bearer`, for clients other than browsers:
    /// see [`SignIn::as_tokens`](auth_core::SignIn::as_tokens).
    pub fn accept_bearer(self) -> Self {
        self.change(|config| config.bearer = Bearer::On)
    }

    auth_store::sign_in_options!(Cookie, Bearer);

    /// Sets how long the data of a visitor is kept. Defaults to one day, and 30 minutes without a
    /// request.
    pub fn anonymous_lifetime(self, lifetime: Lifetime) -> Self {
        self.change_settings(|settings| settings.anonymous_lifetime = lifetime)
    }

    auth_core::backend_options!();

    /// Sets the clock. Defaults to the system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        self.change_settings(|settings| settings.clock = clock)
    }

    /// Returns the manager of the sign-ins, for administration: to revoke other users' sign-ins, or to
    /// change roles.
    #[must_use]
    pub fn sign_in_manager(&self) -> &SignInManager {
        &self.config.sign_ins
    }
}

impl<C> SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Replaces a user's roles and claims in all of their sign-ins, from the next request on. Returns
    /// the number of sign-ins. [`SignInManager::update_claims`](auth_store::SignInManager::update_claims) states
    /// what changes in those of other kinds, such as API keys.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if some sign-ins may not have
    /// changed; [`Serialization`](auth_core::AuthErrorKind::Serialization) if the claims cannot be serialized;
    /// [`TooLarge`](auth_core::AuthErrorKind::TooLarge) if the store cannot hold the roles and claims.
    pub async fn update_claims(
        &self,
        subject: &str,
        roles: &[&str],
        claims: &C,
    ) -> Result<usize, AuthError> {
        self.config.sign_ins.update_claims(subject, roles, claims).await
    }

    /// Lets requests without an identity through.
    #[must_use]
    pub fn optional(self) -> AuthLayer<Self> {
        AuthLayer::new(self).optional()
    }
}

auth_core::backend_layer!(SessionAuth<C>);

impl<C> Clone for SessionAuth<C> {
    fn clone(&self) -> Self {
        let (config, session_backend) =
            (Arc::clone(&self.config), Arc::clone(&self.session_backend));
        Self { config, session_backend, claims: PhantomData }
    }
}

impl<C> fmt::Debug for SessionAuth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAuth").field("config", &self.config).finish_non_exhaustive()
    }
}

impl<C> Authenticator for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let (kind, secret) = self.config.find(head)?;
        if kind == SecretKind::Cookie && head.check_origin(&self.config.protection).is_err() {
            return Some(Attempt::cross_origin());
        }
        let outcome = match secret {
            Ok(secret) => self.config.sign_ins.authenticate(secret, kind),
            Err(reason) => AuthFuture::ready(rejected(kind, reason)),
        };
        let transport =
            if kind == SecretKind::Cookie { Transport::Ambient } else { Transport::Explicit };
        Some(Attempt::new(transport, outcome))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if self.config.bearer == Bearer::On {
            Challenge::bearer(&self.config.realm, reason).append_to(headers);
        }
        if !matches!(reason, ChallengeReason::InsufficientScope(_)) {
            Challenge::new("Session").step_up(reason).append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(match self.config.bearer {
            Bearer::Off => "cookie",
            Bearer::On => "authorization, cookie",
        })
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        Some(self)
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        &self.config.protection
    }

    fn clock(&self) -> &Clock {
        &self.config.sign_ins.settings.clock
    }
}

pub(crate) fn rejected<C>(kind: SecretKind, reason: RejectionReason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new(kind.scheme(), reason))
}

/// The prefix that distinguishes our secrets from other bearer tokens, such as JWTs (`ey`).
pub(crate) const BEARER_PREFIX: &str = "ses_";

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) sign_ins: SignInManager,
    pub(crate) cookie: CookiePolicy,
    pub(crate) bearer: Bearer,
    pub(crate) protection: CrossOriginProtection,
    realm: Arc<str>,
}

/// Whether secrets of kind bearer are issued and accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    Off,
    On,
}

/// A secret that a request carries: what it is used as, and the secret if it is well-formed.
pub(crate) type FoundSecret = (SecretKind, Result<Secret, RejectionReason>);

impl Config {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            sign_ins: SignInManager::new(store),
            cookie: CookiePolicy::host("session").expect("`session` is a cookie name"),
            bearer: Bearer::Off,
            protection: CrossOriginProtection::STRICT,
            realm: Challenge::DEFAULT_REALM.into(),
        }
    }

    /// Returns the policy of a cookie that browsers send over plain HTTP.
    pub(crate) fn insecure_cookie() -> CookiePolicy {
        let cookie = CookieBuilder::new("session").insecure_http().build();
        cookie.expect("`session` is a cookie name")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.sign_ins.settings.clock.now()
    }

    /// Finds the secret that decides who sent a request. An `Authorization` header decides even if
    /// it is for another backend: then the cookie is not looked at.
    pub(crate) fn find(&self, head: &RequestHead<'_>) -> Option<FoundSecret> {
        if head.has_authorization() {
            return self.in_header(head.credentials("Bearer")?);
        }
        in_cookie(head.cookie(self.cookie.name()))
    }

    /// Finds the same secret later, when the request changes its sign-in, or the one that has replaced it in
    /// this request.
    pub(crate) fn find_again(&self, context: SignInContext<'_>) -> Option<FoundSecret> {
        let (kind, own) = match context.has_authorization() {
            true => self.in_header(context.credentials("Bearer")?)?,
            false => in_cookie(context.cookie(self.cookie.name()))?,
        };
        let newest = |own| SignInManager::newest_secret(context.state(), own, kind);
        Some((kind, own.map(newest)))
    }

    pub(crate) fn in_header(&self, token: &[u8]) -> Option<FoundSecret> {
        let text = token.strip_prefix(BEARER_PREFIX.as_bytes())?;
        let secret = Secret::parse(text).ok_or(RejectionReason::Malformed);
        (self.bearer == Bearer::On).then_some((SecretKind::Bearer, secret))
    }

    /// Returns the sign-ins that a request can name, and this backend's cookie in it.
    pub(crate) fn request<'a>(&'a self, context: SignInContext<'a>) -> SignInRequest<'a> {
        let cookies = SignInCookies {
            secret: &self.cookie,
            kind: SecretKind::Cookie,
            prefix: "",
            access: None,
        };
        SignInRequest::new(context, &self.sign_ins, cookies, &self.protection)
    }

    pub(crate) fn set_cookie(
        &self,
        issued: &IssuedSecret,
        effects: &mut ResponseEffects,
    ) -> Result<(), AuthError> {
        let max_age = issued.cookie_max_age(self.now());
        let cookie = self.cookie.set_cookie(&issued.secret.to_text(), max_age, self.now());
        let cookie = cookie.map_err(|error| AuthError::new(AuthErrorKind::Config, error))?;
        effects.set_cookie(&self.cookie, cookie);
        Ok(())
    }
}

fn in_cookie(cookie: RequestCookie<'_>) -> Option<FoundSecret> {
    let secret = match cookie {
        RequestCookie::Absent => return None,
        RequestCookie::One(text) => Secret::parse(text).ok_or(RejectionReason::Malformed),
        RequestCookie::Many => Err(RejectionReason::Duplicate),
    };
    Some((SecretKind::Cookie, secret))
}

impl SessionBackend for Config {
    fn sign_ins(&self) -> &SignInManager {
        &self.sign_ins
    }

    fn anonymous(&self) -> Option<SecretKind> {
        Some(SecretKind::Cookie)
    }

    fn anonymous_cookie(&self) -> Option<&CookiePolicy> {
        Some(&self.cookie)
    }

    fn cross_site(&self) -> &CrossOriginProtection {
        &self.protection
    }

    fn carry(&self, issued: &IssuedSecret, effects: &mut ResponseEffects) -> Result<(), AuthError> {
        self.set_cookie(issued, effects)
    }
}
