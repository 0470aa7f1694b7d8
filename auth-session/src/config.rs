//! What a `SessionAuth` was built with, apart from its claims' type.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthError, AuthErrorKind, CookiePolicy, CrossSite, Effects, Persistence, Timestamp,
};
use auth_store::{Issued, Kind, SessionHost, SignInManager, Store};
use http::HeaderValue;

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) sign_ins: SignInManager,
    pub(crate) cookie: CookiePolicy,
    pub(crate) bearer: Bearer,
    pub(crate) cross_site: CrossSite,
    pub(crate) clear_site_data: Option<HeaderValue>,
}

/// Whether secrets of kind bearer are issued and accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    Off,
    On,
}

impl Config {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            sign_ins: SignInManager::new(store),
            cookie: CookiePolicy::host("session").expect("`session` is a cookie name"),
            bearer: Bearer::Off,
            cross_site: CrossSite::STRICT,
            clear_site_data: None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.sign_ins.settings.clock.now()
    }

    /// For how long a secret is good that is handed out now.
    pub(crate) fn remaining(&self, issued: &Issued) -> Duration {
        issued.limits.ends_at.since(self.now())
    }

    pub(crate) fn set_cookie(
        &self,
        issued: &Issued,
        effects: &mut Effects,
    ) -> Result<(), AuthError> {
        let max_age = match issued.persistence {
            Persistence::Browser => None,
            Persistence::Device => Some(self.remaining(issued)),
        };
        let cookie = self.cookie.set(&issued.secret.to_text(), max_age);
        let cookie = cookie.map_err(|error| AuthError::new(AuthErrorKind::Misuse, error))?;
        effects.set_cookie(self.cookie.name(), cookie);
        Ok(())
    }
}

impl SessionHost for Config {
    fn sign_ins(&self) -> &SignInManager {
        &self.sign_ins
    }

    fn anonymous(&self) -> Option<Kind> {
        Some(Kind::Cookie)
    }

    fn cross_site(&self) -> &CrossSite {
        &self.cross_site
    }

    fn carry(&self, issued: &Issued, effects: &mut Effects) -> Result<(), AuthError> {
        self.set_cookie(issued, effects)
    }
}
