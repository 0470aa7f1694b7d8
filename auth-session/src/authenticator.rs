//! Finding the secret of a session in a request, and authenticating the request by it.
//!
//! The secret is in a cookie or in an `Authorization` header. [`Config`] is the configuration of a
//! [`SessionAuth`] without the type of its claims.

use std::sync::Arc;

use auth_core::{
    Attempt, AuthError, AuthErrorKind, AuthFuture, Authenticator, Challenge, ChallengeReason,
    Clock, CookieBuilder, CookiePolicy, CrossOriginProtection, Outcome, Rejection, RejectionReason,
    RequestCookie, RequestHead, ResponseEffects, SignInBackend, SignInContext, Timestamp,
    Transport,
};
use auth_store::{
    IssuedSecret, PresentedSecret, Secret, SecretKind, SessionBackend, SignInCookies,
    SignInManager, SignInRequest, Store,
};
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::session_auth::SessionAuth;

impl<C> Authenticator for SessionAuth<C>
where
    C: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    type Claims = C;

    fn authenticate(&self, head: &RequestHead<'_>) -> Option<Attempt<C>> {
        let (kind, secret) = self.config.find(head)?;
        let outcome = match secret {
            Ok(secret) => authenticate(&self.config, secret, kind),
            Err(reason) => AuthFuture::ready(rejected(kind, reason)),
        };
        let transport =
            if kind == SecretKind::Cookie { Transport::Ambient } else { Transport::Explicit };
        Some(Attempt::new(transport, outcome))
    }

    fn challenge(&self, reason: &ChallengeReason<'_>, headers: &mut HeaderMap) {
        if self.config.bearer == Bearer::On {
            Challenge::bearer(reason).append_to(headers);
        }
        if !matches!(reason, ChallengeReason::InsufficientScope(_)) {
            Challenge::new("Session").step_up(reason).append_to(headers);
        }
    }

    fn vary(&self) -> HeaderValue {
        HeaderValue::from_static(match self.config.bearer {
            Bearer::Off => "cookie",
            Bearer::On => "authorization, cookie",
        })
    }

    fn sign_ins(&self) -> Option<&dyn SignInBackend<C>> {
        Some(self)
    }

    fn cross_origin(&self) -> &CrossOriginProtection {
        &self.config.protection
    }

    fn clock(&self) -> &Clock {
        &self.config.sign_ins.settings.clock
    }
}

/// Authenticates a secret: immediately if the store answers without waiting, and asynchronously if
/// not.
fn authenticate<C>(config: &Arc<Config>, secret: Secret, kind: SecretKind) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let (credential, now) = (PresentedSecret::new(secret, kind), config.now());
    match config.sign_ins.try_authenticate(&credential, now) {
        Some(outcome) => AuthFuture::ready(outcome),
        None => authenticate_in_store(config, credential, now),
    }
}

/// Authenticates a secret by the store itself, bypassing every cached copy.
pub(crate) fn authenticate_in_store<C>(
    config: &Arc<Config>,
    credential: PresentedSecret,
    now: Timestamp,
) -> AuthFuture<Outcome<C>>
where
    C: DeserializeOwned + Send + Sync + 'static,
{
    let config = Arc::clone(config);
    AuthFuture::boxed(async move { config.sign_ins.authenticate(&credential, now).await })
}

pub(crate) fn rejected<C>(kind: SecretKind, reason: RejectionReason) -> Outcome<C> {
    Outcome::Rejected(Rejection::new(kind.scheme(), reason))
}

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
