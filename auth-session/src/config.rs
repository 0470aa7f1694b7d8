//! What a `SessionAuth` was built with, apart from its claims' type.

use std::sync::Arc;
use std::time::Duration;

use auth_core::{
    AuthError, AuthErrorKind, CookiePolicy, CrossOriginProtection, Persistence, ResponseEffects,
    Timestamp,
};
use auth_store::{IssuedSecret, SecretKind, SessionBackend, SignInManager, Store};
use http::HeaderValue;

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) sign_ins: SignInManager,
    pub(crate) cookie: CookiePolicy,
    pub(crate) bearer: Bearer,
    pub(crate) cross_site: CrossOriginProtection,
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
            cross_site: CrossOriginProtection::STRICT,
            clear_site_data: None,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.sign_ins.settings.clock.now()
    }

    /// For how long a secret is good that is handed out now.
    pub(crate) fn remaining(&self, issued: &IssuedSecret) -> Duration {
        issued.limits.ends_at.since(self.now())
    }

    pub(crate) fn set_cookie(
        &self,
        issued: &IssuedSecret,
        effects: &mut ResponseEffects,
    ) -> Result<(), AuthError> {
        let max_age = match issued.persistence {
            Persistence::Session => None,
            Persistence::Persistent => Some(self.remaining(issued)),
        };
        let cookie = self.cookie.set_cookie(&issued.secret.to_text(), max_age);
        let cookie = cookie.map_err(|error| AuthError::new(AuthErrorKind::Config, error))?;
        effects.set_cookie(self.cookie.name(), cookie);
        Ok(())
    }
}

impl SessionBackend for Config {
    fn sign_ins(&self) -> &SignInManager {
        &self.sign_ins
    }

    fn anonymous(&self) -> Option<SecretKind> {
        Some(SecretKind::Cookie)
    }

    fn cross_site(&self) -> &CrossOriginProtection {
        &self.cross_site
    }

    fn carry(&self, issued: &IssuedSecret, effects: &mut ResponseEffects) -> Result<(), AuthError> {
        self.set_cookie(issued, effects)
    }
}
