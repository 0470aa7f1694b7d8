//! What signing in takes: keys, a store, and where the refresh token goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthError, Clock, ConfigError, CookieBuilder, CookiePolicy, RefreshTokenDelivery,
    ResponseEffects, SameSite,
};
use auth_store::{IssuedSecret, SecretKind, SessionBackend, SignInManager, Store};
use http::HeaderValue;

use crate::mode::{Configured, Signer};

/// A [`JwtAuth`](crate::JwtAuth) that verifies tokens, and makes them for stored sign-ins.
#[derive(Clone)]
pub struct WithSignIn {
    pub(super) desk: Arc<TokenIssuer>,
    pub(super) host: Arc<dyn SessionBackend>,
}

/// What signing in takes.
#[derive(Clone, Debug)]
pub(super) struct TokenIssuer {
    pub(super) signer: Signer,
    pub(super) sign_ins: SignInManager,
    pub(super) access_lifetime: Duration,
    pub(super) refresh_cookie: CookiePolicy,
    pub(super) delivery: RefreshTokenDelivery,
    pub(super) client: Option<Box<str>>,
    pub(super) clear_site_data: Option<HeaderValue>,
}

impl TokenIssuer {
    pub(super) fn new(signer: Signer, store: Arc<dyn Store>, clock: Clock) -> Self {
        let access_lifetime = signer.longest().min(Duration::from_secs(300));
        let mut sign_ins = SignInManager::new(store);
        sign_ins.settings.clock = clock;
        Self {
            signer,
            sign_ins,
            access_lifetime,
            refresh_cookie: strict(CookieBuilder::new("__Host-refresh")),
            delivery: RefreshTokenDelivery::Cookie,
            client: None,
            clear_site_data: None,
        }
    }
}

/// No other site's page has to refresh, not even by a link.
pub(super) fn strict(cookie: CookieBuilder) -> CookiePolicy {
    cookie.same_site(SameSite::Strict).build().expect("`refresh` is a cookie name")
}

impl WithSignIn {
    pub(super) fn new(desk: TokenIssuer) -> Self {
        let host = Arc::new(Host(desk.sign_ins.clone()));
        Self { desk: Arc::new(desk), host }
    }

    pub(super) fn change(self, change: impl FnOnce(&mut TokenIssuer)) -> Self {
        let mut desk = TokenIssuer::clone(&self.desk);
        change(&mut desk);
        Self::new(desk)
    }
}

impl Configured for WithSignIn {
    fn with_clock(self, clock: &Clock) -> Self {
        self.change(|desk| desk.sign_ins.settings.clock = clock.clone())
    }

    fn check_cookie(&self, access: &CookiePolicy) {
        let name = access.name();
        let differs = name != self.desk.refresh_cookie.name();
        assert!(differs, "the access token and the refresh token have one cookie: `{name}`");
    }
}

impl fmt::Debug for WithSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.desk.fmt(f)
    }
}

/// Data is kept for sign-ins alone: a visitor has no token to find it by.
struct Host(SignInManager);

impl SessionBackend for Host {
    fn sign_ins(&self) -> &SignInManager {
        &self.0
    }

    fn anonymous(&self) -> Option<SecretKind> {
        None
    }

    fn carry(&self, _: &IssuedSecret, _: &mut ResponseEffects) -> Result<(), AuthError> {
        Err(ConfigError::NoSession.into())
    }
}
