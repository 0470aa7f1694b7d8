//! The backend, and how it is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthLayer, AuthService, Claims, Clock, CookiePolicy, CrossOriginProtection, InvalidOrigin,
};
use serde::de::DeserializeOwned;
use tower_layer::Layer;

use crate::cache::{Cache, CacheStats};
use crate::config::{Base, Config};
use crate::key::Key;
use crate::keys::KeySource;
use crate::mode::{Configured, Verifies};
use crate::validation::Validation;
use crate::verifier::{Trusted, Verifier};

/// JSON Web Tokens: who sent a request says a signed token in its `Authorization` header.
///
/// It is a Tower layer. As it stands it refuses every request without an identity;
/// [`optional`](Self::optional) lets them through. Without an audience it refuses tokens that name
/// one. What it can do, `M`, follows from its keys: [`Verifies`], or [`Signs`](crate::Signs), or
/// `WithSignIn` with a store.
///
/// ```
/// use auth_jwt::{JwtAuth, Key, Validation};
///
/// # let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let auth = JwtAuth::new(Key::hs256([7; 32])?)
///     .issuer("https://shop.example")
///     .audience("shop")
///     .trust(Key::from_jwk(jwk)?, Validation::new().issuer("https://idp.example").audience("shop"));
/// # Ok::<(), auth_jwt::InvalidKey>(())
/// ```
#[must_use]
pub struct JwtAuth<C = Claims, M = Verifies> {
    pub(crate) config: Arc<Config<C>>,
    pub(crate) mode: M,
}

impl JwtAuth {
    /// Believes tokens that were signed by these keys.
    pub fn new<K: KeySource>(keys: K) -> JwtAuth<Claims, K::Mode> {
        let (keys, mode) = keys.into_keys();
        let base = Base::new(Verifier { issuers: vec![Trusted::new(keys, Validation::new())] });
        JwtAuth { config: Arc::new(Config::new(base)), mode }
    }
}

impl<C, M> JwtAuth<C, M> {
    pub(crate) fn change(self, change: impl FnOnce(&mut Base)) -> Self {
        let mut base = self.config.base.clone();
        change(&mut base);
        Self { config: Arc::new(Config::new(base)), mode: self.mode }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.config.base
    }

    /// The policy of the first issuer, which this backend was made with.
    #[cfg(feature = "sign-in")]
    pub(crate) fn own(&self) -> &Validation {
        &self.base().verifier.issuers[0].policy
    }

    fn change_policy(self, change: impl FnOnce(Validation) -> Validation) -> Self {
        self.change(|base| {
            let own = &mut base.verifier.issuers[0];
            own.set_policy(change(own.policy.clone()));
            let [own, others @ ..] = &base.verifier.issuers[..] else { return };
            let issuer = own.policy.issuer.as_ref();
            let twice =
                issuer.is_some() && others.iter().any(|it| it.policy.issuer.as_ref() == issuer);
            assert!(!twice, "the issuer `{}` is trusted already", issuer.map_or("", |it| it));
        })
    }

    /// What tokens have to say, all at once; it takes the place of what was said before.
    ///
    /// # Panics
    /// If tokens are issued, and it names no audience.
    pub fn policy(self, policy: Validation) -> Self {
        self.change_policy(|_| policy)
    }

    /// Who has to have issued them: see [`Validation::issuer`].
    ///
    /// # Panics
    /// If another issuer of this name is trusted already.
    pub fn issuer(self, issuer: impl Into<Arc<str>>) -> Self {
        self.change_policy(|policy| policy.issuer(issuer))
    }

    /// For whom they have to be meant: see [`Validation::audience`].
    pub fn audience(self, audience: impl Into<Box<str>>) -> Self {
        self.change_policy(|policy| policy.audience(audience))
    }

    /// Takes tokens for anybody: see [`Validation::any_audience`].
    ///
    /// # Panics
    /// If tokens are issued: those are for somebody.
    pub fn any_audience(self) -> Self {
        self.change_policy(Validation::any_audience)
    }

    /// Takes access tokens by RFC 9068 only: see [`Validation::access_token`].
    pub fn access_token(self) -> Self {
        self.change_policy(Validation::access_token)
    }

    /// How far clocks may differ: see [`Validation::leeway`].
    pub fn leeway(self, leeway: Duration) -> Self {
        self.change_policy(|policy| policy.leeway(leeway))
    }

    /// Also accepts tokens of the same issuer that this key signed: the secret before the present
    /// one, say.
    ///
    /// # Panics
    /// If it has no `kid`, and four keys of its algorithm have none already: more are not tried with
    /// a token. [Named](crate::Key::with_kid) keys are, as many as there are, with tokens that name
    /// them.
    pub fn additional_key(self, key: impl Into<Key>) -> Self {
        let key = key.into();
        self.change(|base| base.verifier.issuers[0].keys.add(key))
    }

    /// Also believes another issuer, by its own keys and policy. A token's `iss` chooses the issuer
    /// before any key is tried.
    ///
    /// # Panics
    /// If the policy names no issuer, or one that is trusted already.
    pub fn trusted_issuer(self, keys: impl KeySource, policy: Validation) -> Self {
        let issuer =
            policy.issuer.clone().expect("another issuer has a name: `Validation::issuer`");
        let known = |trusted: &Trusted| trusted.policy.issuer.as_ref() == Some(&issuer);
        let twice = self.base().verifier.issuers.iter().any(known);
        assert!(!twice, "the issuer `{issuer}` is trusted already");
        let (keys, _) = keys.into_keys();
        self.change(|base| base.verifier.issuers.push(Trusted::new(keys, policy)))
    }

    /// Also looks for tokens in this cookie, when there is no `Authorization` header. A browser
    /// attaches it by itself, so requests of other sites are refused.
    ///
    /// # Panics
    /// If the refresh cookie has its name: see `refresh_cookie`.
    pub fn cookie(self, cookie: CookiePolicy) -> Self
    where
        M: Configured,
    {
        self.mode.check_cookie(&cookie);
        self.change(|base| base.cookie = Some(cookie))
    }

    /// Lets pages of another origin, such as `https://app.example.com`, use cookies.
    ///
    /// # Errors
    /// If the text is no origin.
    pub fn trusted_origin(self, origin: &str) -> Result<Self, InvalidOrigin> {
        let cross_site = self.base().cross_site.clone().trusted_origin(origin)?;
        Ok(self.change(|base| base.cross_site = cross_site))
    }

    /// Does not check which site a request with a cookie comes from. Any page that a signed-in user
    /// opens can then act as the user.
    pub fn insecure_cross_origin(self) -> Self {
        self.change(|base| base.cross_site = CrossOriginProtection::STRICT.insecure_disabled())
    }

    /// How many verified tokens to remember, of up to a kilobyte each: 10 000 otherwise, and 0 for
    /// none. A remembered token's signature is not verified again, unless a shared secret made it,
    /// and its claims are not read again; its time is looked at whenever it comes.
    pub fn cache_capacity(self, tokens: usize) -> Self {
        self.change(|base| base.cached = tokens)
    }

    /// What the cache of verified tokens has done; nothing before the first token.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        self.config.cache().map_or_else(CacheStats::default, Cache::status)
    }

    /// The application's own claims, read from all that a token says: names that `D` does not have
    /// are passed over.
    pub fn claims<D: DeserializeOwned + Send + Sync + 'static>(self) -> JwtAuth<D, M> {
        let base = self.config.base.clone();
        JwtAuth { config: Arc::new(Config::new(base)), mode: self.mode }
    }

    /// The clock; the system's otherwise. [`SigningKeys`](crate::SigningKeys) have their own.
    pub fn clock(self, clock: Clock) -> Self
    where
        M: Configured,
    {
        let Self { config, mode } = self;
        Self { mode: mode.with_clock(&clock), config }.change(|base| base.clock = clock)
    }
}

impl<C, M> JwtAuth<C, M>
where
    Self: auth_core::Authenticator<Claims = C> + Clone,
    C: Send + Sync + 'static,
{
    /// Lets requests without an identity through.
    #[must_use]
    pub fn optional(self) -> AuthLayer<Self> {
        AuthLayer::new(self).optional()
    }
}

/// As a layer: refuses every request without an identity.
impl<C, M: Clone, S> Layer<S> for JwtAuth<C, M> {
    type Service = AuthService<Self, S>;
    fn layer(&self, inner: S) -> Self::Service {
        AuthService::new(self.clone(), inner)
    }
}

impl<C, M: Clone> Clone for JwtAuth<C, M> {
    fn clone(&self) -> Self {
        Self { config: Arc::clone(&self.config), mode: self.mode.clone() }
    }
}

impl<C, M: fmt::Debug> fmt::Debug for JwtAuth<C, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth").field("mode", &self.mode).field("config", self.base()).finish()
    }
}
