//! [`SessionAuth`], the session backend, and its options.
//!
//! The options do not depend on the claims type; `config` holds their values.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use auth_core::{
    AuthError, AuthLayer, AuthService, Claims, Clock, CookiePolicy, CrossOriginProtection,
    InvalidOrigin,
};
use auth_store::{IntoStore, Lifetime, SessionBackend, SignInManager, SignInSettings};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_layer::Layer;

use crate::authenticator::{Bearer, Config};

/// Authenticates requests by sessions: an opaque secret, in a cookie or an `Authorization` header,
/// proves a sign-in in the store.
///
/// It is a Tower layer, which refuses every request without an identity;
/// [`optional`](Self::optional) lets them through. The defaults are safe: a `__Host-` cookie for TLS
/// with `HttpOnly` and `SameSite=Lax` that ends with the browser session, an idle timeout of one hour,
/// an absolute timeout of one day, and no cross-origin requests.
///
/// ```
/// use std::time::Duration;
/// use auth_session::SessionAuth;
/// use auth_store::{MemoryStore, OverflowPolicy};
///
/// let auth = SessionAuth::new(MemoryStore::new())
///     .idle_timeout(Duration::from_secs(20 * 60))
///     .max_sign_ins(5, OverflowPolicy::EvictOldest)
///     .trusted_origin("https://app.example.com")?;
/// # Ok::<(), auth_core::InvalidOrigin>(())
/// ```
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

    /// Sets the type of the application's own claims, which are stored with the sign-in as JSON.
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

    auth_store::sign_in_options!();

    /// Sets how long the data of a visitor is kept. Defaults to one day, and 30 minutes without a
    /// request.
    pub fn anonymous_lifetime(self, lifetime: Lifetime) -> Self {
        self.change_settings(|settings| settings.anonymous_lifetime = lifetime)
    }

    /// Lets pages of another origin, such as `https://app.example.com`, use the cookie.
    ///
    /// # Errors
    /// If the text is not an origin.
    pub fn trusted_origin(self, origin: &str) -> Result<Self, InvalidOrigin> {
        let protection = self.config.protection.clone().trusted_origin(origin)?;
        Ok(self.change(|config| config.protection = protection))
    }

    /// Disables the check of the origin of requests. Any page that a signed-in user opens can then act
    /// as the user.
    pub fn insecure_cross_origin(self) -> Self {
        self.change(|config| config.protection = CrossOriginProtection::STRICT.insecure_disabled())
    }

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
    /// the number of sign-ins.
    ///
    /// # Errors
    /// [`Unavailable`](auth_core::AuthErrorKind::Unavailable) if some sign-ins may not have changed.
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

/// The layer refuses every request without an identity.
impl<C, S> Layer<S> for SessionAuth<C> {
    type Service = AuthService<Self, S>;
    fn layer(&self, inner: S) -> Self::Service {
        AuthService::new(self.clone(), inner)
    }
}

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
