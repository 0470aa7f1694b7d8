//! The stored sign-ins that one request can name.
//!
//! A request that signs in or out may carry several credentials of a backend: the one that decided
//! who sent it, a cookie next to it, and outdated ones. What happens to each of their sign-ins, and
//! which requests may change them, is decided here for every backend.

use std::sync::Arc;

use auth_core::{
    AuthError, AuthErrorKind, CookiePolicy, CrossOriginProtection, RequestCookie, SignInContext,
    SignInId, Transport,
};

use super::authenticate::StoredCredential;
use super::recent_rotations::WINDOW;
use super::sign_in_manager::SignInManager;
use crate::record::{Record, SecretMatch};
use crate::secret::{Secret, SecretKind};
use crate::store::SecretLookup;

/// The cookies of a backend.
#[derive(Clone, Copy, Debug)]
pub struct SignInCookies<'a> {
    /// The cookie that carries the secret of a sign-in.
    pub secret: &'a CookiePolicy,
    /// The kind of that secret.
    pub kind: SecretKind,
    /// What precedes the secret in the cookie's value.
    pub prefix: &'static str,
    /// A cookie that carries another credential of the same sign-in.
    pub access: Option<&'a CookiePolicy>,
}

impl<'a> SignInCookies<'a> {
    fn all(&self) -> impl Iterator<Item = &'a CookiePolicy> {
        self.access.into_iter().chain([self.secret])
    }
}

/// A request that starts or ends sign-ins of one backend.
#[derive(Clone, Copy, Debug)]
pub struct SignInRequest<'a> {
    context: SignInContext<'a>,
    sign_ins: &'a SignInManager,
    cookies: SignInCookies<'a>,
    protection: &'a CrossOriginProtection,
}

impl<'a> SignInRequest<'a> {
    /// Creates the view of a request for the backend with these sign-ins, cookies and cross-origin
    /// protection.
    #[must_use]
    pub fn new(
        context: SignInContext<'a>,
        sign_ins: &'a SignInManager,
        cookies: SignInCookies<'a>,
        protection: &'a CrossOriginProtection,
    ) -> Self {
        Self { context, sign_ins, cookies, protection }
    }

    /// Checks that the request may read and set the backend's cookies.
    ///
    /// # Errors
    ///
    /// Returns [`CrossOrigin`](AuthErrorKind::CrossOrigin) if an unsafe request comes from an
    /// origin that is not trusted.
    pub fn check_origin(&self) -> Result<(), AuthError> {
        let checked = self.context.check_origin(self.protection);
        checked.map_err(|error| AuthError::new(AuthErrorKind::CrossOrigin, error))
    }

    /// Checks that the response can still carry a cookie of the backend, and that the request may read
    /// and set it.
    ///
    /// # Errors
    ///
    /// Returns [`Closed`](AuthErrorKind::Closed) if the response's head has been sent, and
    /// [`CrossOrigin`](AuthErrorKind::CrossOrigin) if the request comes from an origin that is not
    /// trusted.
    pub fn check_cookie_delivery(&self) -> Result<(), AuthError> {
        self.context.state().check_open()?;
        self.check_origin()
    }

    /// Returns whether the request carries a cookie of the backend, valid or not.
    #[must_use]
    pub fn has_cookie(&self) -> bool {
        self.cookies.all().any(|cookie| self.carries(cookie))
    }

    fn carries(&self, cookie: &CookiePolicy) -> bool {
        self.context.cookie(cookie.name()) != RequestCookie::Absent
    }

    /// Returns the secret in the request's cookie, or the one that has replaced it by a refresh in this
    /// request. If the request has different cookies of this name, none counts.
    #[must_use]
    pub fn cookie_secret(&self) -> Option<Secret> {
        let own = match self.context.cookie(self.cookies.secret.name()) {
            RequestCookie::One(text) => self.parse(text)?,
            RequestCookie::Absent | RequestCookie::Many => return None,
        };
        Some(SignInManager::newest_secret(self.context.state(), own, self.cookies.kind))
    }

    fn parse(&self, text: &[u8]) -> Option<Secret> {
        Secret::parse(text.strip_prefix(self.cookies.prefix.as_bytes())?)
    }

    /// Removes the cookies of the backend that the request carries, in every scope.
    pub fn remove_cookies(&self) {
        for cookie in self.cookies.all().filter(|cookie| self.carries(cookie)) {
            let removal = cookie.removal_cookie();
            self.context.state().effects(|effects| effects.remove_cookie(cookie, removal));
            self.context.remove_other_scopes(cookie);
        }
    }

    /// Returns the sign-in of the request's cookie, if another credential decided who sent the
    /// request and the cookie's secret could still be refreshed.
    ///
    /// Call it for a request that signs in, which replaces a session cookie that did not decide, even one
    /// that is no longer valid. So this method also leaves a marker, by which every node recognizes a late
    /// request with this cookie.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn secondary_sign_in(&self) -> Result<Option<SignInId>, AuthError> {
        let deciding = self.context.state().sign_in();
        let secret = self.cookie_secret().filter(|secret| deciding != Some(secret.id()));
        let Some(secret) = secret else { return Ok(None) };
        let found = self.sign_ins.find(&secret, self.cookies.kind).await?;
        self.leave_marker(secret.id()).await;
        Ok(match found {
            SecretLookup::Current(record) | SecretLookup::Rotated(record) => Some(record.id),
            SecretLookup::Reused(_) | SecretLookup::NotFound => None,
        })
    }

    /// Leaves a marker that the session cookie of this sign-in is replaced.
    async fn leave_marker(&self, id: SignInId) {
        if self.cookies.kind == SecretKind::Cookie {
            let now = self.sign_ins.settings.clock.now();
            self.sign_ins.leave_marker(self.context.state(), id, now).await;
        }
    }

    /// Ends what the request acted for, after another backend has signed it in: `old`, and the
    /// sign-in of the cookie if the request may use it. Removes the cookies. A sign-in of a kind that does not
    /// [replace](SecretKind::replaces) that of the cookies stays.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if a sign-in may not have ended.
    pub async fn on_superseded(&self, old: Option<SignInId>) -> Result<(), AuthError> {
        let old = old.filter(|old| self.context.state().sign_in() != Some(*old));
        let uses_cookie = self.has_cookie() && self.check_origin().is_ok();
        let beside = if uses_cookie { self.secondary_sign_in().await? } else { None };
        for id in old.into_iter().chain(beside.filter(|id| old != Some(*id))) {
            let record = self.sign_ins.store().load(&id).await?;
            if record.is_none_or(|record| record.kind.replaces(self.cookies.kind)) {
                self.sign_ins.end(&id).await?;
            }
        }
        if uses_cookie {
            self.remove_cookies();
        }
        Ok(())
    }

    /// Checks that the request may sign out.
    ///
    /// # Errors
    ///
    /// Returns [`CrossOrigin`](AuthErrorKind::CrossOrigin) if an unsafe request comes from an
    /// origin that is not trusted.
    pub fn check_sign_out(&self) -> Result<(), AuthError> {
        // Browsers omit `SameSite` cookies from cross-site requests. So a request without a cookie
        // is checked as well, unless it has a credential that no other site's page can attach.
        if self.has_cookie() || !self.is_explicit() {
            self.check_origin()?;
        }
        Ok(())
    }

    /// Returns whether the credential that decided is one that a browser does not attach
    /// automatically.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.context.state().transport() == Some(Transport::Explicit)
    }

    /// Returns the sign-ins that the request names: the one that it acts for, and those of a secret
    /// in its header and of each one in its cookies. Outdated secrets count, because a client that
    /// signs out with one means that sign-in, and so do different cookies of one name.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn named_sign_ins(
        &self,
        header: Option<(SecretKind, Secret)>,
    ) -> Result<Vec<SignInId>, AuthError> {
        let mut named = Vec::from_iter(self.context.state().sign_in());
        let cookies = self.context.cookie_values(self.cookies.secret.name());
        let cookies = cookies.into_iter().filter_map(|text| self.parse(text));
        let secrets: Vec<_> = cookies.map(|secret| (self.cookies.kind, secret)).collect();
        for (kind, secret) in header.into_iter().chain(secrets) {
            if !named.contains(&secret.id()) {
                named.extend(self.sign_ins.resolve(&secret, kind).await?);
            }
        }
        Ok(named)
    }

    /// Adds the sign-in that a credential belongs to, whether or not it has expired.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn add_sign_in<C>(
        &self,
        named: &mut Vec<SignInId>,
        credential: &impl StoredCredential<C>,
    ) -> Result<(), AuthError> {
        if !named.contains(&credential.id()) {
            named.extend(self.sign_ins.sign_in_of(credential).await?);
        }
        Ok(())
    }

    /// Ends these sign-ins and removes the cookies. If the request has cookies, this method also leaves markers,
    /// by which every node recognizes a late request with one of them: the browser may have the cookie of the
    /// next sign-in by then.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if a sign-in may not have ended.
    pub async fn sign_out(&self, named: &[SignInId]) -> Result<(), AuthError> {
        for id in named {
            // At the same time, so that a store that hangs delays the response once.
            let marker = async {
                if self.has_cookie() {
                    self.leave_marker(*id).await;
                }
            };
            let ((), ended) = tokio::join!(marker, self.sign_ins.end(id));
            ended?;
        }
        self.remove_cookies();
        self.context.state().effects(|effects| {
            // The browser may have a former cookie alone, or not send it to this path.
            self.cookies.all().for_each(|cookie| effects.remove_former_cookies(cookie));
            if let Some(value) = &self.sign_ins.settings.clear_site_data {
                effects.clear_site_data(value.clone());
            }
        });
        Ok(())
    }
}

impl SignInManager {
    /// Returns the sign-in that a credential belongs to, whether or not it has expired.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn sign_in_of<C>(
        &self,
        credential: &impl StoredCredential<C>,
    ) -> Result<Option<SignInId>, AuthError> {
        let (id, now) = (credential.id(), self.settings.clock.now());
        let record = self.store.load(&id).await?;
        Ok(record.filter(|record| credential.check(record, now).is_ok()).map(|_| id))
    }

    /// Returns the sign-in that a secret proves, or proved before it was replaced.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub async fn resolve(
        &self,
        secret: &Secret,
        kind: SecretKind,
    ) -> Result<Option<SignInId>, AuthError> {
        Ok(match self.find(secret, kind).await? {
            SecretLookup::Current(record)
            | SecretLookup::Rotated(record)
            | SecretLookup::Reused(record) => Some(record.id),
            SecretLookup::NotFound => None,
        })
    }

    /// Checks that a request's cookie is no longer valid, so that a visitor's cookie may replace it: made
    /// up, forged, expired, or of a sign-in that has ended. A cookie that may have been replaced by a newer one
    /// within the last minute must stay: the newer one may be in the browser, and would be lost. Only the
    /// store decides.
    ///
    /// # Errors
    ///
    /// Returns [`Unauthenticated`](AuthErrorKind::Unauthenticated) if the cookie may not be replaced,
    /// and [`Unavailable`](AuthErrorKind::Unavailable) if the store did not answer.
    pub(crate) async fn check_dead(&self, cookie: RequestCookie<'_>) -> Result<(), AuthError> {
        let alive = |why| AuthError::new(AuthErrorKind::Unauthenticated, why);
        let text = match cookie {
            RequestCookie::Absent => return Ok(()),
            RequestCookie::One(text) => text,
            RequestCookie::Many => return Err(alive("one of several cookies may be valid")),
        };
        let quoted = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
        let Some(secret) = Secret::parse(quoted.unwrap_or(text)) else { return Ok(()) };
        let now = self.settings.clock.now();
        let replaced = || alive("the cookie was replaced by a newer one");
        if self.recently_rotated(&secret.id()) {
            return Err(replaced());
        }
        let active = match self.store.load(&secret.id()).await? {
            Some(record) if self.is_active(&record, now).await? => Some(record),
            _ => None,
        };
        let Some(record) = active else {
            let marker = self.store.load(&self.store.marker_id(&secret.id())).await?;
            let is_active = |marker: Arc<Record>| marker.expiry(now).is_none();
            return if marker.is_some_and(is_active) { Err(replaced()) } else { Ok(()) };
        };
        // The secret may have been issued for another use.
        match record.match_secret(&secret, record.kind, now) {
            SecretMatch::Current => Err(alive("the cookie belongs to an active sign-in")),
            SecretMatch::Rotated(_) => Err(replaced()),
            // A forged secret cannot be told from one that was replaced twice within the window.
            SecretMatch::Reused | SecretMatch::Unknown
                if record.was_replaced_within(WINDOW, now) =>
            {
                Err(replaced())
            }
            SecretMatch::Reused | SecretMatch::Unknown => Ok(()),
        }
    }

    async fn find(&self, secret: &Secret, kind: SecretKind) -> Result<SecretLookup, AuthError> {
        Ok(self.store.find(secret, kind, self.settings.clock.now()).await?)
    }
}

#[cfg(test)]
mod tests {
    use auth_core::{Principal, RequestSnapshot, RequestState, SignInOptions};
    use http::{HeaderValue, Request};

    use super::*;
    use crate::manager::NewSignIn;
    use crate::stores::MemoryStore;

    /// A request with an API key signs in by tokens, and sessions are a third backend with the same store.
    #[tokio::test]
    async fn a_key_survives_the_login_by_another_backend() {
        let manager = SignInManager::new(Arc::new(MemoryStore::new()));
        let cookie = CookiePolicy::host("session").unwrap();
        let kind = SecretKind::Cookie;
        let cookies = SignInCookies { secret: &cookie, kind, prefix: "", access: None };
        let login = Request::post("/login").body(()).unwrap();
        let snapshot = RequestSnapshot::new(&login, &HeaderValue::from_static("cookie"));
        let state = RequestState::new(Some(Transport::Explicit), None);
        let (context, strict) =
            (SignInContext::new(&state, &snapshot), CrossOriginProtection::STRICT);
        let request = SignInRequest::new(context, &manager, cookies, &strict);
        for (kind, survives) in [(SecretKind::custom("key"), true), (SecretKind::Refresh, false)] {
            let ada = SignInOptions::new(Principal::new("ada"));
            let new = NewSignIn::of(kind, &ada, None).unwrap();
            let old = manager.issue(&new).await.unwrap().id();
            request.on_superseded(Some(old)).await.unwrap();
            let found = manager.store().load(&old).await.unwrap();
            assert_eq!(found.is_some(), survives, "{kind:?}");
        }
    }
}
