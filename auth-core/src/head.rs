//! A request's head, borrowed.

use std::fmt;

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, header, request::Parts};

use crate::cookie::{self, RequestCookie};

/// A request's head, borrowed: made from `&Request<B>` or `&Parts` without moving either.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    authorization: Authorization<'a>,
}

/// The `Authorization` header of a request, looked up once for all authenticators.
#[derive(Clone, Copy)]
pub(crate) enum Authorization<'a> {
    Absent,
    One(&'a HeaderValue),
    /// More than one: which of them counts is anybody's guess, so none does.
    Many,
}

impl<'a> Authorization<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Many,
        }
    }

    pub(crate) fn credentials(self, scheme: &str) -> Option<&'a [u8]> {
        let Self::One(value) = self else { return None };
        let (name, rest) = value.as_bytes().split_at_checked(scheme.len())?;
        let rest = rest.strip_prefix(b" ")?;
        name.eq_ignore_ascii_case(scheme.as_bytes()).then(|| rest.trim_ascii_start())
    }
}

/// Without the headers: some are secrets.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead").field("method", self.method).finish_non_exhaustive()
    }
}

impl<'a> RequestHead<'a> {
    fn new(
        method: &'a Method,
        uri: &'a Uri,
        headers: &'a HeaderMap,
        extensions: &'a Extensions,
    ) -> Self {
        Self { method, uri, headers, extensions, authorization: Authorization::of(headers) }
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// The request target.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extensions, such as the client's TLS certificate.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// Whether there is an `Authorization` header at all. If so, it decides: cookies do not count.
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        !matches!(self.authorization, Authorization::Absent)
    }

    /// What follows the scheme in the `Authorization` header, if the header is there once and its
    /// scheme is this one (RFC 9110 section 11.4; schemes are compared without case).
    #[must_use]
    pub fn credentials(&self, scheme: &str) -> Option<&'a [u8]> {
        self.authorization.credentials(scheme)
    }

    /// The cookie of exactly this name; every other cookie is passed over unparsed.
    #[must_use]
    pub fn cookie(&self, name: &str) -> RequestCookie<'a> {
        cookie::find(self.headers, name)
    }

    pub(crate) fn authorization(&self) -> Authorization<'a> {
        self.authorization
    }
}

impl<'a, B> From<&'a Request<B>> for RequestHead<'a> {
    fn from(request: &'a Request<B>) -> Self {
        Self::new(request.method(), request.uri(), request.headers(), request.extensions())
    }
}

impl<'a> From<&'a Parts> for RequestHead<'a> {
    fn from(parts: &'a Parts) -> Self {
        Self::new(&parts.method, &parts.uri, &parts.headers, &parts.extensions)
    }
}

/// For extractors, which may hold the parts mutably.
impl<'a> From<&'a mut Parts> for RequestHead<'a> {
    fn from(parts: &'a mut Parts) -> Self {
        Self::from(&*parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(authorization: &[&'static str]) -> Request<()> {
        let mut request = Request::new(());
        for value in authorization {
            request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn schemes_are_compared_without_case() {
        for value in ["Bearer abc", "bearer abc", "BEARER  abc"] {
            let request = request(&[value]);
            let credentials = RequestHead::from(&request).credentials("Bearer");
            assert_eq!(credentials, Some(&b"abc"[..]), "{value}");
        }
        for value in ["Bearer", "Bearerabc", "Basic abc", ""] {
            assert!(
                RequestHead::from(&request(&[value])).credentials("Bearer").is_none(),
                "{value}"
            );
        }
    }

    #[test]
    fn sec_34_of_two_authorization_headers_none_counts() {
        let request = request(&["Bearer a", "Bearer b"]);
        let head = RequestHead::from(&request);
        assert!(head.credentials("Bearer").is_none() && head.has_authorization());
    }
}
