//! The configuration of a `SessionAuth`, without the type of its claims, and the credentials that it
//! looks for in a request.

use std::sync::Arc;

use auth_core::{
    AuthError, AuthErrorKind, CookieBuilder, CookiePolicy, CrossOriginProtection, RejectionReason,
    RequestCookie, RequestHead, ResponseEffects, SignInContext, Timestamp,
};
use auth_store::{
    IssuedSecret, Secret, SecretKind, SessionBackend, SignInCookies, SignInManager, SignInRequest,
    Store,
};

/// The prefix that distinguishes our secrets from other bearer tokens, such as JWTs (`ey`).
pub(crate) const BEARER_PREFIX: &str = "ses_";

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) sign_ins: SignInManager,
    pub(crate) cookie: CookiePolicy,
    pub(crate) bearer: Bearer,
    pub(crate) protection: CrossOriginProtection,
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

    /// Finds the same secret later, when the request changes its sign-in.
    pub(crate) fn find_again(&self, context: SignInContext<'_>) -> Option<FoundSecret> {
        if context.has_authorization() {
            return self.in_header(context.credentials("Bearer")?);
        }
        in_cookie(context.cookie(self.cookie.name()))
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
        let cookie = self.cookie.set_cookie(&issued.secret.to_text(), max_age);
        let cookie = cookie.map_err(|error| AuthError::new(AuthErrorKind::Config, error))?;
        effects.set_cookie(self.cookie.name(), cookie);
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

    fn cross_site(&self) -> &CrossOriginProtection {
        &self.protection
    }

    fn carry(&self, issued: &IssuedSecret, effects: &mut ResponseEffects) -> Result<(), AuthError> {
        self.set_cookie(issued, effects)
    }
}
