//! [`JwtAuth`], the JWT backend, and its options.
//!
//! The options for issuing tokens are in `sign_in`. What a token must contain is in `validation`.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use auth_core::{AuthLayer, Challenge, Claims, Clock, CookiePolicy, CrossOriginProtection};
#[cfg(feature = "sign-in")]
use auth_store::Revocations;
use serde::de::DeserializeOwned;

use crate::cache::{Cache, CacheStats};
use crate::key::Key;
use crate::keys::KeySource;
use crate::mode::{Mode, Signs, Verifies};
use crate::protected_resource::{ProtectedResource, ResourceMetadataService};
#[cfg(feature = "remote-keys")]
use crate::remote_keys::RemoteKeys;
use crate::revocation_list::RevocationList;
use crate::validation::Validation;
use crate::verifier::{Trusted, Verifier};

/// The default capacity of the cache of verified tokens.
const CACHE_CAPACITY: usize = 10_000;
/// The default maximum length of a token: no server or load balancer in common use passes on a longer
/// header, apart from a few that allow any length that is usable.
const MAX_TOKEN_BYTES: usize = 64 * 1024;
/// The default maximum length of a token that is issued here: what most servers accept in a header.
#[cfg(feature = "sign-in")]
const MAX_ISSUED_BYTES: usize = 8 * 1024;

/// Stands in for stores in a build without the feature `sign-in`, so that the compiler names the feature.
#[cfg(not(feature = "sign-in"))]
#[diagnostic::on_unimplemented(
    message = "`JwtAuth::sign_in` needs the feature `sign-in` of auth-jwt",
    label = "the feature `sign-in` is not enabled",
    note = "write `auth-jwt = {{ version = \"..\", features = [\"sign-in\"] }}` in Cargo.toml"
)]
#[doc(hidden)]
pub trait NeedsFeatureSignIn {}

#[cfg(not(feature = "sign-in"))]
impl<C> JwtAuth<C, Signs> {
    #[doc(hidden)]
    pub fn sign_in(self, _: impl NeedsFeatureSignIn) -> Self {
        self
    }
}

/// Authenticates requests by JSON Web Tokens in the `Authorization` header, or in a cookie.
///
/// It is a Tower layer, which refuses every request without an identity;
/// [`optional`](Self::optional) lets them through. Without an audience it rejects tokens that name one.
///
/// The second type parameter states what its keys can do. Applications do not name it: with keys that
/// only verify, the type is `JwtAuth<C>`, and with a store it is `JwtSignIn<C>`. With keys that sign and
/// no store, [`verify_only`](Self::verify_only) returns a `JwtAuth<C>`.
///
/// # Examples
///
/// Accept the tokens of an identity provider, whose keys are fetched (feature `remote-keys`):
///
/// ```
/// # #[cfg(feature = "remote-keys")] {
/// use auth_jwt::{Identity, JwtAuth};
///
/// async fn me(user: Identity) -> String {
///     user.subject().to_owned()
/// }
///
/// let auth = JwtAuth::discover("https://login.example").audience("shop");
/// // let app = Router::new().route("/me", get(me)).layer(auth);
/// # }
/// ```
///
/// Issue tokens that a logout ends (feature `sign-in`):
///
/// ```
/// # #[cfg(feature = "sign-in")]
/// # fn main() -> Result<(), auth_jwt::InvalidKey> {
/// use auth_jwt::{Auth, AuthError, JwtAuth, Key, MemoryStore, Principal, SignedIn};
///
/// async fn login(auth: Auth) -> Result<SignedIn, AuthError> {
///     auth.sign_in(Principal::new("alice")).await // the response has the tokens
/// }
///
/// let auth = JwtAuth::new(Key::hs256([7; 32])?).audience("shop").sign_in(MemoryStore::new());
/// # Ok(()) }
/// # #[cfg(not(feature = "sign-in"))]
/// # fn main() {}
/// ```
///
/// Read claims of your own:
///
/// ```
/// use auth_jwt::{Identity, JwtAuth, Key};
///
/// #[derive(serde::Deserialize)]
/// struct User {
///     email: String,
/// }
///
/// async fn email(user: Identity<User>) -> String {
///     user.claims().email.clone()
/// }
///
/// let auth = JwtAuth::new(Key::hs256([7; 32])?).audience("shop").claims::<User>();
/// # Ok::<(), auth_jwt::InvalidKey>(())
/// ```
///
/// Verify a token that did not come with a request:
///
/// ```
/// use auth_jwt::{JwtAuth, Outcome};
///
/// async fn sender(auth: &JwtAuth, token: &str) -> Option<String> {
///     match auth.verify(token.as_bytes()).await {
///         Outcome::Authenticated(user) => Some(user.subject().to_owned()),
///         _ => None,
///     }
/// }
/// ```
///
/// Trust several issuers:
///
/// ```
/// use auth_jwt::{JwtAuth, Key, Validation};
///
/// # let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// let auth = JwtAuth::new(Key::hs256([7; 32])?)
///     .issuer("https://shop.example")
///     .audience("shop")
///     .trusted_issuer(Key::from_jwk(jwk)?, Validation::new().issuer("https://idp.example").audience("shop"));
/// # Ok::<(), auth_jwt::InvalidKey>(())
/// ```
///
/// The guide in the repository has complete programs: `docs/guide/mobile-app.md` issues tokens, and
/// `docs/guide/several-services.md` verifies those of a provider or of another service.
#[must_use]
pub struct JwtAuth<C = Claims, M = Verifies> {
    pub(crate) config: Arc<Config<C>>,
    pub(crate) mode: M,
}

/// The configuration, and the tokens that were verified by it. A changed configuration starts with
/// an empty cache.
pub(crate) struct Config<C> {
    base: Base,
    cache: OnceLock<Option<Cache<C>>>,
}

/// The configuration without the type of the claims.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) verifier: Verifier,
    pub(crate) cookie: Option<CookiePolicy>,
    pub(crate) protection: CrossOriginProtection,
    pub(crate) realm: Arc<str>,
    pub(crate) resource: Option<Arc<ProtectedResource>>,
    pub(crate) clock: Clock,
    pub(crate) revocations: RevocationList,
    cache_capacity: usize,
    max_token_bytes: Option<usize>,
}

impl Base {
    pub(crate) fn max_token_bytes(&self) -> usize {
        self.max_token_bytes.unwrap_or(MAX_TOKEN_BYTES)
    }

    #[cfg(feature = "sign-in")]
    pub(crate) fn max_issued_bytes(&self) -> usize {
        self.max_token_bytes.unwrap_or(MAX_ISSUED_BYTES)
    }
}

impl<C> Config<C> {
    fn new(base: Base) -> Arc<Self> {
        Arc::new(Self { base, cache: OnceLock::new() })
    }

    /// Returns the cache of verified tokens, which the first token creates: building a configuration
    /// step by step allocates none.
    pub(crate) fn cache(&self) -> Option<&Cache<C>> {
        let capacity = self.base.cache_capacity;
        self.cache.get_or_init(|| (capacity > 0).then(|| Cache::new(capacity))).as_ref()
    }
}

impl JwtAuth {
    /// Creates a backend that accepts tokens signed by these keys.
    pub fn new<K: KeySource>(keys: K) -> JwtAuth<Claims, K::Mode> {
        let (keys, mode) = keys.into_keys();
        let base = Base {
            verifier: Verifier { issuers: vec![Trusted::new(keys, Validation::new())] },
            cookie: None,
            protection: CrossOriginProtection::STRICT,
            realm: Challenge::DEFAULT_REALM.into(),
            resource: None,
            clock: Clock::system(),
            revocations: RevocationList::default(),
            cache_capacity: CACHE_CAPACITY,
            max_token_bytes: None,
        };
        JwtAuth { config: Config::new(base), mode }
    }

    /// Creates a backend that accepts tokens of this issuer. Its keys are fetched from the address that
    /// its discovery document names: see [`RemoteKeys`]. Use [`RemoteKeys::discover`] for options, or to
    /// handle an invalid issuer as an error.
    ///
    /// ```
    /// use auth_jwt::JwtAuth;
    ///
    /// let auth = JwtAuth::discover("https://login.example").audience("shop");
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the system has no certificate authorities, or if the issuer is not an `https` URL. An
    /// `http` URL of this machine is accepted, such as `http://localhost:8080`.
    #[cfg(feature = "remote-keys")]
    pub fn discover(issuer: impl Into<Arc<str>>) -> JwtAuth {
        Self::new(RemoteKeys::discover(issuer))
    }
}

impl<C, M> JwtAuth<C, M> {
    /// Returns an iterator over the keys that are fetched, one [`RemoteKeys`] for each issuer that has
    /// them. Use it to wait until they are [ready](RemoteKeys::ready), or to read their
    /// [status](RemoteKeys::status).
    #[cfg(feature = "remote-keys")]
    pub fn remote_keys(&self) -> impl Iterator<Item = &RemoteKeys> {
        self.base().verifier.issuers.iter().filter_map(|trusted| trusted.keys.remote())
    }

    pub(crate) fn change(self, change: impl FnOnce(&mut Base)) -> Self {
        let mut base = self.config.base.clone();
        change(&mut base);
        Self { config: Config::new(base), mode: self.mode }
    }

    pub(crate) fn base(&self) -> &Base {
        &self.config.base
    }

    /// Returns the validation of the first issuer, which this backend was created with.
    #[cfg(feature = "sign-in")]
    pub(crate) fn own(&self) -> &Validation {
        &self.base().verifier.issuers[0].validation
    }

    fn change_policy(self, change: impl FnOnce(Validation) -> Validation) -> Self {
        self.change(|base| {
            let own = &mut base.verifier.issuers[0];
            own.set_policy(change(own.validation.clone()));
            let [own, others @ ..] = &base.verifier.issuers[..] else { return };
            let issuer = own.validation.issuer_name();
            let twice =
                issuer.is_some() && others.iter().any(|it| it.validation.issuer_name() == issuer);
            assert!(!twice, "the issuer `{}` is trusted already", issuer.map_or("", |it| it));
        })
    }

    /// Sets what tokens must contain. Replaces all that was set before.
    ///
    /// # Panics
    ///
    /// Panics if tokens are issued and it names no audience, or if it names an issuer that is
    /// [trusted](Self::trusted_issuer) already.
    pub fn validation(self, validation: Validation) -> Self {
        self.change_policy(|_| validation)
    }

    /// Requires this issuer: see [`Validation::issuer`].
    ///
    /// # Panics
    ///
    /// Panics if this issuer is trusted already.
    pub fn issuer(self, issuer: impl Into<Arc<str>>) -> Self {
        self.change_policy(|validation| validation.issuer(issuer))
    }

    /// Accepts this audience: see [`Validation::audience`].
    pub fn audience(self, audience: impl Into<Box<str>>) -> Self {
        self.change_policy(|validation| validation.audience(audience))
    }

    /// Accepts any audience: see [`Validation::any_audience`].
    ///
    /// # Panics
    ///
    /// Panics if tokens are issued, because those need an audience.
    pub fn any_audience(self) -> Self {
        self.change_policy(Validation::any_audience)
    }

    /// Accepts only access tokens of RFC 9068: see [`Validation::access_token`].
    pub fn access_token(self) -> Self {
        self.change_policy(Validation::access_token)
    }

    /// Sets how far clocks may differ: see [`Validation::leeway`].
    pub fn leeway(self, leeway: Duration) -> Self {
        self.change_policy(|validation| validation.leeway(leeway))
    }

    /// Also accepts tokens of the same issuer that this key signed, such as the previous secret.
    ///
    /// # Panics
    ///
    /// Panics if this would be the fifth key of its algorithm with the same
    /// [`kid`](crate::Key::with_kid), or without one: at most four of them are tried with a token.
    pub fn additional_key(self, key: impl Into<Key>) -> Self {
        let key = key.into();
        self.change(|base| base.verifier.issuers[0].keys.add(key))
    }

    /// Also trusts another issuer, with its own keys and validation. The `iss` of a token selects the
    /// issuer before any key is tried.
    ///
    /// **Its users are not users of the application,** even if their [`subject`](auth_core::Identity::subject)
    /// is that of one: the issuer chooses the subjects. Handlers that look up a user of the application take
    /// [`Identity::local_subject`](auth_core::Identity::local_subject), which such a token does not have, and
    /// routes for one kind of user demand [`Require::issuer`](auth_core::Require::issuer).
    ///
    /// Its roles are read only if the validation states which of them count: see
    /// [`roles_pointer`](Validation::roles_pointer), [`map_role`](Validation::map_role) and
    /// [`roles_from`](Validation::roles_from).
    ///
    /// # Panics
    ///
    /// Panics if `validation` names no issuer, or one that is trusted already.
    pub fn trusted_issuer(self, keys: impl KeySource, validation: Validation) -> Self {
        let (keys, _) = keys.into_keys();
        let mut new = Trusted::new(keys, validation.without_default_roles());
        new.is_revocable = self.base().revocations.is_set();
        assert!(new.is_named(), "another issuer has a name: `Validation::issuer`");
        if let Some(issuer) = new.validation.issuer_name() {
            let known = |trusted: &Trusted| trusted.validation.issuer_name() == Some(issuer);
            let twice = self.base().verifier.issuers.iter().any(known);
            assert!(!twice, "the issuer `{issuer}` is trusted already");
        }
        self.change(|base| base.verifier.issuers.push(new))
    }

    /// Refuses tokens of other issuers that are [revoked](Revocations). Defaults to no revocations: a token is
    /// valid until it expires.
    ///
    /// Each use of a token is checked, even if the token is cached. While the store of the revocations is
    /// unavailable, requests with such tokens get 503. Tokens that are issued here are not affected, because
    /// they end with their sign-in.
    ///
    /// ```
    /// use auth_jwt::{JwtAuth, Key, Revocations};
    /// use auth_store::MemoryStore;
    ///
    /// # let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// # let keys = Key::from_jwk(jwk)?;
    /// let revocations = Revocations::new(MemoryStore::new());
    /// let auth = JwtAuth::new(keys)
    ///     .issuer("https://login.example")
    ///     .audience("shop")
    ///     .revocations(revocations.clone());
    /// # Ok::<(), auth_jwt::InvalidKey>(())
    /// ```
    #[cfg(feature = "sign-in")]
    pub fn revocations(self, revocations: Revocations) -> Self {
        self.change(|base| {
            base.revocations.list = Some(revocations);
            base.verifier.issuers.iter_mut().for_each(|trusted| trusted.is_revocable = true);
        })
    }

    /// Also looks for tokens in this cookie if there is no `Authorization` header. Browsers attach
    /// cookies by themselves, so unsafe cross-origin requests with it are refused.
    ///
    /// # Panics
    ///
    /// Panics if the refresh cookie has the same name: see `refresh_cookie`.
    pub fn cookie(self, cookie: CookiePolicy) -> Self
    where
        M: Mode,
    {
        self.mode.check_cookie(&cookie);
        self.change(|base| base.cookie = Some(cookie))
    }

    auth_core::backend_options!();

    /// Names this API in challenges, so that clients find its authorization server (RFC 9728).
    ///
    /// Every challenge has the address of the [metadata](Self::resource_metadata), which the application must
    /// serve as well. The challenge of a 401 also lists the [scopes](ProtectedResource::scope) of the resource.
    /// The resource is not an audience: set the accepted [audience](Self::audience) as well.
    pub fn protected_resource(self, resource: impl Into<ProtectedResource>) -> Self {
        let resource = Arc::new(resource.into());
        self.change(|base| base.resource = Some(resource))
    }

    /// Returns a service that serves the metadata of the [protected resource](Self::protected_resource).
    ///
    /// # Panics
    ///
    /// Panics if no protected resource is set.
    #[must_use]
    pub fn resource_metadata(&self) -> ResourceMetadataService {
        let Base { resource, verifier, .. } = self.base();
        let resource = resource.as_ref();
        let resource = resource.expect("set `protected_resource` before `resource_metadata`");
        let trusted = verifier.issuers.iter();
        let names = trusted.filter_map(|trusted| trusted.validation.issuer.as_deref());
        ResourceMetadataService::new(resource, names)
    }

    /// Sets how many verified tokens of up to a kilobyte are cached; larger ones count as several.
    /// Defaults to 10,000; 0 disables the cache.
    ///
    /// The claims of a cached token are not parsed again, and its signature is not verified again unless
    /// it is an HMAC. Its times are checked at every use.
    pub fn cache_capacity(self, tokens: usize) -> Self {
        self.change(|base| base.cache_capacity = tokens)
    }

    /// Sets the maximum length of a token in bytes, for tokens that are verified and for tokens that are
    /// issued. Longer ones are rejected before anything else is done with them. Defaults to 64 KiB for
    /// tokens that are verified, and to 8 KiB for tokens that are issued.
    ///
    /// 64 KiB is as much as an AWS Application Load Balancer passes on in all headers of a request, and
    /// more than Envoy does (60 KiB). Other servers have limits of their own: hyper accepts 400 KiB of
    /// headers with HTTP/1 and 16 KiB with HTTP/2 (`max_header_list_size`), Node.js 16 KiB, and nginx and
    /// Apache 8 KiB in one header, which is why longer tokens are not issued. A browser stores a cookie
    /// of at most 4096 bytes.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    pub fn max_token_bytes(self, bytes: usize) -> Self {
        assert!(bytes > 0, "`max_token_bytes` must be at least 1");
        self.change(|base| base.max_token_bytes = Some(bytes))
    }

    /// Returns the statistics of the cache of verified tokens. All are zero before the first token.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        self.config.cache().map_or_else(CacheStats::default, Cache::stats)
    }

    /// Sets the type of the application's own claims. They are read from all members of a token's
    /// payload; members that `D` does not have are ignored.
    pub fn claims<D: DeserializeOwned + Send + Sync + 'static>(self) -> JwtAuth<D, M> {
        self.with_mode(|mode| mode)
    }

    /// Keeps the configuration, and starts with an empty cache.
    pub(crate) fn with_mode<D, N>(self, change: impl FnOnce(M) -> N) -> JwtAuth<D, N> {
        JwtAuth { config: Config::new(self.config.base.clone()), mode: change(self.mode) }
    }

    /// Sets the clock, also for keys that are fetched. Defaults to the system's clock.
    /// [`SigningKeys`](crate::SigningKeys) have their own.
    pub fn clock(self, clock: Clock) -> Self
    where
        M: Mode,
    {
        #[cfg(feature = "remote-keys")]
        self.remote_keys().for_each(|keys| keys.set_clock(&clock));
        let Self { config, mode } = self;
        Self { mode: mode.with_clock(&clock), config }.change(|base| base.clock = clock)
    }
}

impl<C> JwtAuth<C, Signs> {
    /// Drops the ability to sign. A `JwtAuth` that only verifies has the short type `JwtAuth<C>`,
    /// whatever keys it was created with.
    ///
    /// ```
    /// use auth_jwt::{InvalidKey, JwtAuth, Key};
    ///
    /// struct Gateway {
    ///     auth: JwtAuth,
    /// }
    ///
    /// fn gateway(secret: &[u8]) -> Result<Gateway, InvalidKey> {
    ///     Ok(Gateway { auth: JwtAuth::new(Key::hs256(secret)?).audience("shop").verify_only() })
    /// }
    /// # assert!(gateway(&[7; 32]).is_ok());
    /// ```
    pub fn verify_only(self) -> JwtAuth<C> {
        JwtAuth { config: self.config, mode: Verifies }
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

auth_core::backend_layer!(JwtAuth<C, M: Clone>);

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
