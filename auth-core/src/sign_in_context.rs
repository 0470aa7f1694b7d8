//! A request that wants to change its sign-in.

use http::header;

use crate::context::RequestState;
use crate::cookie::{self, RequestCookie};
use crate::cross_site::{CrossOriginError, CrossOriginProtection};
use crate::head::Authorization;
use crate::request_snapshot::RequestSnapshot;
use crate::transport::MemberPath;

/// A request that wants to change its sign-in: its [`RequestState`], and the few headers that matter.
#[derive(Clone, Copy, Debug)]
pub struct SignInContext<'a> {
    state: &'a RequestState,
    request: &'a RequestSnapshot,
    member: Option<MemberPath>,
}

impl<'a> SignInContext<'a> {
    pub(crate) fn new(state: &'a RequestState, request: &'a RequestSnapshot) -> Self {
        Self { state, request, member: state.member() }
    }

    /// The same visit, as a backend inside of a combination sees it.
    pub(crate) fn seen_by(self, member: Option<MemberPath>) -> Self {
        Self { member, ..self }
    }

    /// Which member found the credential that decided.
    pub(crate) fn member(&self) -> Option<MemberPath> {
        self.member
    }

    /// What the response will say, and whom the request acts for.
    #[must_use]
    pub fn state(&self) -> &'a RequestState {
        self.state
    }

    /// The request's cookie of exactly this name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> RequestCookie<'a> {
        cookie::find(self.request.headers(), name)
    }

    /// Whether there is an `Authorization` header at all.
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        self.request.headers().contains_key(header::AUTHORIZATION)
    }

    /// What follows the scheme in the `Authorization` header: see
    /// [`RequestHead::credentials`](crate::RequestHead::credentials).
    #[must_use]
    pub fn credentials(&self, scheme: &str) -> Option<&'a [u8]> {
        Authorization::of(self.request.headers()).credentials(scheme)
    }

    /// What the client calls itself, if it is text.
    #[must_use]
    pub fn user_agent(&self) -> Option<&'a str> {
        self.request.headers().get(header::USER_AGENT)?.to_str().ok()
    }

    /// Whether the request may read or set a cookie by this policy: login CSRF is a cross-site
    /// request, too, signed in or not.
    ///
    /// # Errors
    /// [`CrossOriginError`] if it comes from another site that is not trusted.
    pub fn check_origin(&self, policy: &CrossOriginProtection) -> Result<(), CrossOriginError> {
        self.request.check_origin(policy)
    }
}
