//! A request that wants to change its sign-in.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use crate::carrier::Backend;
use crate::cookie::{self, RequestCookie};
use crate::cross_site::{CrossSite, CrossSiteRequest, RequestOrigin};
use crate::exchange::Turn;
use crate::head::{Authorization, Head};

/// A request that wants to change its sign-in: its [`Turn`], and the few headers that matter.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    turn: &'a Turn,
    request: &'a RequestFacts,
    backend: Option<Backend>,
}

impl<'a> Visit<'a> {
    pub(crate) fn new(turn: &'a Turn, request: &'a RequestFacts) -> Self {
        Self { turn, request, backend: turn.backend() }
    }

    /// The same visit, as a backend inside of a combination sees it.
    pub(crate) fn seen_by(self, backend: Option<Backend>) -> Self {
        Self { backend, ..self }
    }

    /// Which backend found the credential that decided.
    pub(crate) fn backend(&self) -> Option<Backend> {
        self.backend
    }

    /// What the response will say, and whom the request acts for.
    #[must_use]
    pub fn turn(&self) -> &'a Turn {
        self.turn
    }

    /// The request's cookie of exactly this name.
    #[must_use]
    pub fn cookie(&self, name: &str) -> RequestCookie<'a> {
        cookie::find(&self.request.headers, name)
    }

    /// What follows the scheme in the `Authorization` header: see [`Head::credentials`].
    #[must_use]
    pub fn credentials(&self, scheme: &str) -> Option<&'a [u8]> {
        Authorization::of(&self.request.headers).credentials(scheme)
    }

    /// What the client calls itself, if it is text.
    #[must_use]
    pub fn user_agent(&self) -> Option<&'a str> {
        self.request.headers.get(header::USER_AGENT)?.to_str().ok()
    }

    /// Whether the request may read or set a cookie by this policy: login CSRF is a cross-site
    /// request, too, signed in or not.
    ///
    /// # Errors
    /// [`CrossSiteRequest`] if it comes from another site that is not trusted.
    pub fn check_origin(&self, policy: &CrossSite) -> Result<(), CrossSiteRequest> {
        let RequestFacts { method, uri, headers } = self.request;
        policy.check(&RequestOrigin::of(method, uri, headers))
    }
}

/// The parts of a request's head that outlive it in an [`Auth`](crate::Auth).
pub(crate) struct RequestFacts {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// Without the headers: some are secrets.
impl fmt::Debug for RequestFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFacts").field("method", &self.method).finish_non_exhaustive()
    }
}

impl RequestFacts {
    const KEPT: [HeaderName; 7] = [
        header::AUTHORIZATION,
        header::COOKIE,
        header::HOST,
        header::ORIGIN,
        header::UPGRADE,
        header::USER_AGENT,
        HeaderName::from_static("sec-fetch-site"),
    ];

    pub(crate) fn of(head: &Head<'_>) -> Self {
        let kept = Self::KEPT.into_iter().flat_map(|name| {
            let values = head.headers().get_all(&name).into_iter();
            values.map(move |value: &HeaderValue| (name.clone(), value.clone()))
        });
        let uri = head.uri().clone();
        Self { method: head.method().clone(), uri, headers: kept.collect() }
    }
}
