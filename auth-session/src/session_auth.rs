//! The backend, and how it is configured.

use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthError, AuthLayer, AuthService, Claims, Clock, CookieBuilder, CookiePolicy,
    CrossOriginProtection, InvalidOrigin, Persistence,
};
use auth_store::{IntoStore, Lifetime, OverflowPolicy, SessionBackend, SignInLimit, SignInManager};
use http::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_layer::Layer;

use crate::config::{Bearer, Config};

/// Sessions: an opaque secret in a cookie, or in an `Authorization` header, and a store that knows
/// whose it is.
///
/// It is a Tower layer. As it stands it refuses every request without an identity;
/// [`optional`](Self::optional) lets them through. The defaults are safe: a `__Host-` cookie for
/// TLS with `HttpOnly` and `SameSite=Lax` that ends with the browser, one hour idle, one day in
/// all, and no request of another site.
///
/// ```
/// use std::time::Duration;
/// use auth_session::SessionAuth;
/// use auth_store::{MemoryStore, OverflowPolicy};
///
/// let auth = SessionAuth::new(MemoryStore::new())
///     .idle_timeout(Duration::from_secs(20 * 60))
///     .limit(5, OverflowPolicy::EvictOldest)
///     .trusted_origin("https://app.example.com")?;
/// # Ok::<(), auth_core::InvalidOrigin>(())
/// ```
#[must_use]
pub struct SessionAuth<C = Claims> {
    pub(crate) config: Arc<Config>,
    pub(crate) host: Arc<dyn SessionBackend>,
    claims: PhantomData<fn() -> C>,
}

impl SessionAuth<Claims> {
    /// Sessions in this store: a store, an `Arc` of one, or an `Arc<dyn Store>`.
    ///
    /// # Panics
    /// Never: the default configuration is sound.
    pub fn new(store: impl IntoStore) -> Self {
        Self::with(Config::new(store.into_store()))
    }
}

impl<C> SessionAuth<C> {
    fn with(config: Config) -> Self {
        let config = Arc::new(config);
        let host = Arc::clone(&config) as Arc<dyn SessionBackend>;
        Self { config, host, claims: PhantomData }
    }

    fn change(self, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::clone(&self.config);
        change(&mut config);
        Self::with(config)
    }

    /// The application's own claims. They are kept with the sign-in, as JSON.
    pub fn claims<D>(self) -> SessionAuth<D>
    where
        D: Serialize + DeserializeOwned + Send + Sync + 'static,
    {
        SessionAuth { config: self.config, host: self.host, claims: PhantomData }
    }

    /// The cookie's name and attributes; `__Host-session` otherwise.
    pub fn cookie(self, cookie: CookiePolicy) -> Self {
        self.change(|config| config.cookie = cookie)
    }

    /// For development at `http://localhost`: a cookie `session` without `Secure`, which every
    /// browser and `curl` send over plain http. Whoever reads the network can take it: never on a
    /// public host.
    ///
    /// # Panics
    /// Never: `session` is a cookie name.
    pub fn insecure_http(self) -> Self {
        let cookie = CookieBuilder::new("session").insecure_http().build();
        self.cookie(cookie.expect("`session` is a cookie name"))
    }

    /// Also issues and accepts secrets as `Authorization: Bearer`, for clients that are no
    /// browsers: sign in [`via`](auth_core::SignIn::via) `Transport::Explicit`.
    pub fn accept_bearer(self) -> Self {
        self.change(|config| config.bearer = Bearer::On)
    }

    /// How long a sign-in lasts: a preset such as [`Lifetime::AAL2`], the default, or your own.
    pub fn lifetime(self, lifetime: Lifetime) -> Self {
        self.change(|config| config.sign_ins.settings.lifetime = lifetime)
    }

    /// How long a sign-in may stay unused, in whole seconds.
    ///
    /// # Panics
    /// If it is shorter than a second.
    pub fn idle_timeout(self, idle: Duration) -> Self {
        let absolute = self.config.sign_ins.settings.lifetime.absolute();
        self.lifetime(
            Lifetime::new(Some(idle), absolute).expect("an idle limit of a second or more"),
        )
    }

    /// How long a sign-in lasts whatever the user does.
    ///
    /// # Panics
    /// If it is shorter than a second.
    pub fn absolute_timeout(self, absolute: Duration) -> Self {
        let idle = self.config.sign_ins.settings.lifetime.idle();
        self.lifetime(Lifetime::new(idle, absolute).expect("an absolute limit of a second or more"))
    }

    /// How long the data of a visitor is kept whom nobody has signed in: half an hour idle, a day
    /// in all otherwise.
    pub fn anonymous_lifetime(self, lifetime: Lifetime) -> Self {
        self.change(|config| config.sign_ins.settings.anonymous = lifetime)
    }

    /// Remembers users on their devices unless a sign-in says otherwise: the cookie gets a
    /// `Max-Age`, at most 400 days.
    pub fn persistent(self) -> Self {
        self.change(|config| config.sign_ins.settings.persistence = Persistence::Persistent)
    }

    /// How many sign-ins a user may have at a time, and what happens at the next.
    ///
    /// # Panics
    /// If it is none: nobody could sign in.
    pub fn max_sign_ins(self, max: u32, when_full: OverflowPolicy) -> Self {
        let max = NonZeroU32::new(max).expect("a limit of one sign-in or more");
        self.change(|config| config.sign_ins.settings.limit = Some(SignInLimit { max, when_full }))
    }

    /// How often the last-seen time is written at most: 1/20 of the idle limit otherwise, never
    /// more than half of it, plus up to a quarter. An idle limit is reached early by at most as
    /// much.
    pub fn touch_interval(self, interval: Duration) -> Self {
        self.change(|config| config.sign_ins.settings.touch_every = Some(interval))
    }

    /// Lets pages of another origin, such as `https://app.example.com`, use the cookie.
    ///
    /// # Errors
    /// If the text is no origin.
    pub fn trusted_origin(self, origin: &str) -> Result<Self, InvalidOrigin> {
        let cross_site = self.config.cross_site.clone().trusted_origin(origin)?;
        Ok(self.change(|config| config.cross_site = cross_site))
    }

    /// Does not check which site a request comes from. Any page that a signed-in user opens can
    /// then act as the user.
    pub fn insecure_cross_origin(self) -> Self {
        self.change(|config| config.cross_site = CrossOriginProtection::STRICT.insecure_disabled())
    }

    /// What the browser forgets at sign-out: the value of `Clear-Site-Data`, such as
    /// `"cache", "storage"` with its quotes. Nothing otherwise.
    pub fn clear_site_data(self, value: HeaderValue) -> Self {
        self.change(|config| config.clear_site_data = Some(value))
    }

    /// The clock; the system's otherwise.
    pub fn clock(self, clock: Clock) -> Self {
        self.change(|config| config.sign_ins.settings.clock = clock)
    }

    /// The sign-ins themselves, for administration: revoking another user's, changing roles.
    #[must_use]
    pub fn sign_in_manager(&self) -> &SignInManager {
        &self.config.sign_ins
    }
}

impl<C> SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    /// Replaces a user's roles and claims in all sign-ins, and says in how many. The next request
    /// has them.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if some may still be as before.
    pub async fn update_claims(
        &self,
        subject: &str,
        roles: &[Box<str>],
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

/// As a layer: refuses every request without an identity.
impl<C, S> Layer<S> for SessionAuth<C> {
    type Service = AuthService<Self, S>;
    fn layer(&self, inner: S) -> Self::Service {
        AuthService::new(self.clone(), inner)
    }
}

impl<C> Clone for SessionAuth<C> {
    fn clone(&self) -> Self {
        let (config, host) = (Arc::clone(&self.config), Arc::clone(&self.host));
        Self { config, host, claims: PhantomData }
    }
}

impl<C> fmt::Debug for SessionAuth<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionAuth").field("config", &self.config).finish_non_exhaustive()
    }
}
