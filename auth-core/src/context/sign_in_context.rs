//! [`SignInContext`]: a request as a backend sees it while it changes a sign-in.
//!
//! Handlers run after the request's head is gone, so the few headers that matter are copied into a
//! [`RequestSnapshot`] first.
//!
//! [`SignInContext::new`] and [`RequestSnapshot::new`] are for the tests of a backend.

use http::uri::Authority;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use super::request_state::{MemberPath, RequestState};
use crate::cookie::CookiePolicy;
use crate::cross_origin::{CrossOriginError, CrossOriginProtection, RequestOrigin};
use crate::head::{self, Authorization, RequestCookie, RequestHead};

/// A request that changes its sign-in: its [`RequestState`] and the headers that backends need.
///
/// [`Auth`](crate::Auth) makes it. The tests of a backend can make one of their own:
///
/// ```
/// use auth_core::{RequestSnapshot, RequestState, SignInContext, Transport};
/// use http::{HeaderValue, Request};
///
/// let request = Request::post("/logout").header("x-api-key", "key").body(()).unwrap();
/// let vary = HeaderValue::from_static("x-api-key"); // as `Authenticator::vary` returns it
/// let (state, snapshot) =
///     (RequestState::new(Some(Transport::Explicit), None), RequestSnapshot::new(&request, &vary));
/// let context = SignInContext::new(&state, &snapshot);
/// assert_eq!(context.headers()["x-api-key"], "key");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SignInContext<'a> {
    state: &'a RequestState,
    request: &'a RequestSnapshot,
    member: Option<MemberPath>,
}

impl<'a> SignInContext<'a> {
    /// Creates the context of a request with this state.
    #[must_use]
    pub fn new(state: &'a RequestState, request: &'a RequestSnapshot) -> Self {
        Self { state, request, member: state.member() }
    }

    /// Returns the same context as a member of a combination sees it.
    pub(crate) fn seen_by(self, member: Option<MemberPath>) -> Self {
        Self { member, ..self }
    }

    /// Returns which member of the combination found the credential that decided.
    pub(crate) fn member(&self) -> Option<MemberPath> {
        self.member
    }

    /// Returns the state of the request: for which sign-in it acts, and what its response will carry.
    #[must_use]
    pub fn state(&self) -> &'a RequestState {
        self.state
    }

    /// Returns the headers that are kept of the request: those that a sign-in needs, and those that the
    /// backend names in [`Authenticator::vary`](crate::Authenticator::vary).
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        &self.request.headers
    }

    /// Returns the request's cookie with exactly this name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> RequestCookie<'a> {
        self.request.cookie(name)
    }

    /// Returns the different values of the request's cookies with exactly this name, at most eight.
    #[must_use]
    pub fn cookie_values(&self, name: &str) -> Vec<&'a [u8]> {
        RequestCookie::values(&self.request.headers, name)
    }

    /// Removes the cookies with this policy's name that have another `Domain` or `Path`, if the request
    /// carries two different ones.
    ///
    /// A browser replaces a cookie only by one with the same `Domain` and `Path`, its scope. After the
    /// application changes one of these, or after an attacker has set a cookie, the browser sends two
    /// cookies of one name. Neither counts, so no sign-in would take effect. A backend calls this when
    /// it sets or removes its cookie. Cookies with the prefix `__Host-` have a single scope.
    pub fn remove_other_scopes(&self, policy: &CookiePolicy) {
        if self.cookie(policy.name()) != RequestCookie::Many {
            return;
        }
        let RequestSnapshot { uri, headers, .. } = self.request;
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(Authority::as_str)).unwrap_or_default();
        let removals = policy.removals_of_other_scopes(host, uri.path());
        self.state.effects(|effects| effects.remove_others(policy.name(), removals));
    }

    /// Returns whether there is an `Authorization` header, as
    /// [`RequestHead::has_authorization`](crate::RequestHead::has_authorization) does.
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        self.request.headers.contains_key(header::AUTHORIZATION)
    }

    /// Returns what follows the scheme in the `Authorization` header, as
    /// [`RequestHead::credentials`](crate::RequestHead::credentials) does.
    #[must_use]
    pub fn credentials(&self, scheme: &str) -> Option<&'a [u8]> {
        Authorization::of(&self.request.headers, &[]).credentials(scheme)
    }

    /// Returns the `User-Agent` header, if it is text.
    #[must_use]
    pub fn user_agent(&self) -> Option<&'a str> {
        self.request.headers.get(header::USER_AGENT)?.to_str().ok()
    }

    /// Checks whether the request may read or set a cookie under this policy or under that of the layer. That
    /// includes requests without a credential: login CSRF is a cross-origin request as well.
    ///
    /// # Errors
    ///
    /// Returns [`CrossOriginError`] if an unsafe request comes from another site that is not trusted.
    pub fn check_origin(&self, policy: &CrossOriginProtection) -> Result<(), CrossOriginError> {
        self.request.check_origin(policy)
    }
}

/// The parts of a request's head that are still needed after it is gone: its method, its target and some
/// headers. `Debug` omits the headers, because some hold secrets.
pub struct RequestSnapshot {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// The origins that the layer trusts for every backend.
    protection: CrossOriginProtection,
}

crate::redacted_debug!(RequestSnapshot { method });

impl RequestSnapshot {
    const KEPT: [HeaderName; 7] = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::HOST,
        header::ORIGIN,
        header::UPGRADE,
        header::USER_AGENT,
        HeaderName::from_static("sec-fetch-site"),
    ];

    /// Copies the parts of a request that a backend with this [`vary`](crate::Authenticator::vary) sees.
    #[must_use]
    pub fn new<'a>(head: impl Into<RequestHead<'a>>, vary: &HeaderValue) -> Self {
        let head = head.into();
        Self::of(head.method(), head.uri(), head.headers(), vary, &[])
    }

    /// Copies a request, with the headers that `vary` names. `Authorization` headers of these schemes count
    /// as absent.
    pub(crate) fn of(
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        vary: &HeaderValue,
        ignored_schemes: &[Box<str>],
    ) -> Self {
        let named = vary.to_str().unwrap_or_default().split(',');
        let named = named.filter_map(|name| name.trim().parse::<HeaderName>().ok());
        let named = named.filter(|name| !Self::KEPT.contains(name));
        let kept = Self::KEPT.into_iter().chain(named).flat_map(|name| {
            let absent = |value: &HeaderValue| {
                name == header::AUTHORIZATION && !head::counts(value, ignored_schemes)
            };
            let values = headers.get_all(&name).into_iter().filter(|value| !absent(value));
            values.map(|value| (name.clone(), value.clone())).collect::<Vec<_>>()
        });
        let (method, uri, protection) =
            (method.clone(), uri.clone(), CrossOriginProtection::STRICT);
        Self { method, uri, headers: kept.collect(), protection }
    }

    /// Adds the origins that the layer trusts.
    pub(crate) fn trusting(self, protection: &CrossOriginProtection) -> Self {
        Self { protection: protection.clone(), ..self }
    }

    /// Copies an unsafe request, whose origin must be checked before the response sets a visitor's
    /// cookie. Returns `None` for a safe request, which needs no check.
    pub(crate) fn of_unsafe(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let origin = RequestOrigin::of(method, uri, headers);
        origin.is_unsafe().then(|| Self::with_cookies(method, uri, headers))
    }

    /// Copies a request without the headers that only a backend reads.
    pub(crate) fn with_cookies(method: &Method, uri: &Uri, headers: &HeaderMap) -> Self {
        Self::of(method, uri, headers, &HeaderValue::from_static(""), &[])
    }

    pub(crate) fn cookie(&self, name: &str) -> RequestCookie<'_> {
        RequestCookie::find(&self.headers, name)
    }

    pub(crate) fn check_origin(
        &self,
        policy: &CrossOriginProtection,
    ) -> Result<(), CrossOriginError> {
        let origin = RequestOrigin::of(&self.method, &self.uri, &self.headers);
        policy.or_layer(Some(&self.protection), &origin)
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::context::Transport;
    use crate::sign_in_id::SignInId;

    #[test]
    fn a_backend_finds_the_headers_that_it_names_in_vary_and_no_others() {
        let request = Request::post("/keys")
            .header("x-api-key", "one")
            .header("x-api-key", "two")
            .header("authorization", "Bearer abc")
            .header("accept", "text/html")
            .body(())
            .unwrap();
        let vary = HeaderValue::from_static("X-Api-Key, authorization, cookie");
        let snapshot = RequestSnapshot::new(&request, &vary);
        let id = SignInId::from_bytes([1; 16]);
        let state = RequestState::new(Some(Transport::Explicit), Some(id));
        let context = SignInContext::new(&state, &snapshot);

        let keys: Vec<_> = context.headers().get_all("x-api-key").iter().collect();
        assert_eq!(keys, ["one", "two"]);
        assert_eq!(context.headers().get_all("authorization").iter().count(), 1);
        assert_eq!(context.headers().len(), 3, "other headers are not kept");
        assert_eq!(context.credentials("Bearer"), Some(&b"abc"[..]));
        assert_eq!(context.state().sign_in(), Some(id));
        assert_eq!(context.state().transport(), Some(Transport::Explicit));
    }
}
