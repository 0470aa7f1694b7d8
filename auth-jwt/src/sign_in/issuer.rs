//! The part of a `JwtAuth` that it has with stored sign-ins, in addition to its keys.
//!
//! It holds the manager of the sign-ins and the options by which tokens are issued.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, CookieBuilder, CookiePolicy, RefreshTokenDelivery, SameSite};
use auth_store::{SessionBackend, SignInManager, SignInSettings, Store};

use crate::mode::{Mode, Signer, sealed};

/// How long access tokens last unless their keys are kept for less.
const ACCESS_LIFETIME: Duration = Duration::from_secs(300);

/// Keys that verify and sign tokens, and a store with the sign-ins that the tokens belong to.
#[derive(Clone)]
pub struct WithSignIn {
    pub(super) issuer: Arc<TokenIssuer>,
    pub(super) sign_ins: Arc<SignInManager>,
    pub(super) session_backend: Arc<dyn SessionBackend>,
}

/// How tokens are issued.
#[derive(Clone, Debug)]
pub(super) struct TokenIssuer {
    pub(super) signer: Signer,
    pub(super) access_lifetime: Duration,
    pub(super) refresh_cookie: CookiePolicy,
    pub(super) delivery: RefreshTokenDelivery,
    pub(super) client: Option<Box<str>>,
    /// The claims of the application's that clients learn at introspection.
    pub(super) introspected_claims: Vec<Box<str>>,
}

/// Builds the policy of the refresh cookie. Pages of other sites never have to refresh, not even by
/// a link, so the cookie is `SameSite=Strict`.
pub(super) fn strict(cookie: CookieBuilder) -> CookiePolicy {
    cookie.same_site(SameSite::Strict).build().expect("`refresh` is a cookie name")
}

impl WithSignIn {
    pub(super) fn new(signer: Signer, store: Arc<dyn Store>, clock: Clock) -> Self {
        let issuer = TokenIssuer {
            access_lifetime: signer.longest().min(ACCESS_LIFETIME),
            signer,
            refresh_cookie: strict(CookieBuilder::new("__Host-refresh")),
            delivery: RefreshTokenDelivery::Cookie,
            client: None,
            introspected_claims: Vec::new(),
        };
        let mut sign_ins = SignInManager::new(store);
        sign_ins.settings.clock = clock;
        Self::of(Arc::new(issuer), sign_ins)
    }

    fn of(issuer: Arc<TokenIssuer>, sign_ins: SignInManager) -> Self {
        let sign_ins = Arc::new(sign_ins);
        let session_backend = Arc::new(SessionsOfUsers(Arc::clone(&sign_ins)));
        Self { issuer, sign_ins, session_backend }
    }

    pub(super) fn change_issuer(mut self, change: impl FnOnce(&mut TokenIssuer)) -> Self {
        change(Arc::make_mut(&mut self.issuer));
        self
    }

    pub(super) fn change_settings(self, change: impl FnOnce(&mut SignInSettings)) -> Self {
        let mut sign_ins = SignInManager::clone(&self.sign_ins);
        change(&mut sign_ins.settings);
        Self::of(self.issuer, sign_ins)
    }
}

impl Mode for WithSignIn {}

impl sealed::Sealed for WithSignIn {
    fn with_clock(self, clock: &Clock) -> Self {
        self.change_settings(|settings| settings.clock = clock.clone())
    }

    fn check_cookie(&self, access: &CookiePolicy) {
        let name = access.name();
        let differs = name != self.issuer.refresh_cookie.name();
        assert!(differs, "the access token and the refresh token have the same cookie: `{name}`");
    }

    fn sign_ins(&self) -> Option<&Arc<SignInManager>> {
        Some(&self.sign_ins)
    }
}

auth_core::redacted_debug!(WithSignIn { issuer, sign_ins });

/// Sessions of users who have signed in. Visitors have no data, because without a token there is
/// nothing to find it by.
struct SessionsOfUsers(Arc<SignInManager>);

impl SessionBackend for SessionsOfUsers {
    fn sign_ins(&self) -> &SignInManager {
        &self.0
    }
}
