//! What signing in takes: keys, a store, and where the refresh token goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthError, Clock, CookieBuilder, CookiePolicy, Delivery, Effects, Misuse, SameSite,
};
use auth_store::{Issued, Kind, SessionHost, SignInManager, Store};
use http::HeaderValue;

use crate::mode::{Configured, Signer};

/// A [`JwtAuth`](crate::JwtAuth) that verifies tokens, and makes them for stored sign-ins.
#[derive(Clone)]
pub struct SignsIn {
    pub(super) desk: Arc<Desk>,
    pub(super) host: Arc<dyn SessionHost>,
}

/// What signing in takes.
#[derive(Clone, Debug)]
pub(super) struct Desk {
    pub(super) signer: Signer,
    pub(super) sign_ins: SignInManager,
    pub(super) access_lifetime: Duration,
    pub(super) refresh_cookie: CookiePolicy,
    pub(super) delivery: Delivery,
    pub(super) client: Option<Box<str>>,
    pub(super) clear_site_data: Option<HeaderValue>,
}

impl Desk {
    pub(super) fn new(signer: Signer, store: Arc<dyn Store>, clock: Clock) -> Self {
        let access_lifetime = signer.longest().min(Duration::from_secs(300));
        let mut sign_ins = SignInManager::new(store);
        sign_ins.settings.clock = clock;
        Self {
            signer,
            sign_ins,
            access_lifetime,
            refresh_cookie: strict(CookieBuilder::new("__Host-refresh")),
            delivery: Delivery::Cookie,
            client: None,
            clear_site_data: None,
        }
    }
}

/// No other site's page has to refresh, not even by a link.
pub(super) fn strict(cookie: CookieBuilder) -> CookiePolicy {
    cookie.same_site(SameSite::Strict).build().expect("`refresh` is a cookie name")
}

impl SignsIn {
    pub(super) fn new(desk: Desk) -> Self {
        let host = Arc::new(Host(desk.sign_ins.clone()));
        Self { desk: Arc::new(desk), host }
    }

    pub(super) fn change(self, change: impl FnOnce(&mut Desk)) -> Self {
        let mut desk = Desk::clone(&self.desk);
        change(&mut desk);
        Self::new(desk)
    }
}

impl Configured for SignsIn {
    fn with_clock(self, clock: &Clock) -> Self {
        self.change(|desk| desk.sign_ins.settings.clock = clock.clone())
    }

    fn check_cookie(&self, access: &CookiePolicy) {
        let name = access.name();
        let differs = name != self.desk.refresh_cookie.name();
        assert!(differs, "the access token and the refresh token have one cookie: `{name}`");
    }
}

impl fmt::Debug for SignsIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.desk.fmt(f)
    }
}

/// Data is kept for sign-ins alone: a visitor has no token to find it by.
struct Host(SignInManager);

impl SessionHost for Host {
    fn sign_ins(&self) -> &SignInManager {
        &self.0
    }

    fn anonymous(&self) -> Option<Kind> {
        None
    }

    fn carry(&self, _: &Issued, _: &mut Effects) -> Result<(), AuthError> {
        Err(Misuse::NoSession.into())
    }
}
