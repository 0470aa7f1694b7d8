//! A request's head, borrowed, and what is read from it: the `Authorization` header and single
//! cookies.
//!
//! The header is looked up once for all authenticators. A cookie is found by scanning for its name,
//! without parsing the others.

use std::fmt;

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Uri, header, request::Parts};

use crate::cross_origin::{CrossOriginError, CrossOriginProtection, RequestOrigin};

/// A borrowed request head, made from `&Request<B>` or `&Parts` without moving either.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    extensions: &'a Extensions,
    authorization: Authorization<'a>,
    cookies: Cookies,
    /// The origins that the layer trusts for every backend.
    protection: Option<&'a CrossOriginProtection>,
}

/// Whether [`RequestHead::cookie`] finds cookies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cookies {
    Visible,
    Hidden,
}

/// The `Authorization` header of a request, looked up once for all authenticators.
#[derive(Clone, Copy)]
pub(crate) enum Authorization<'a> {
    Absent,
    One(&'a HeaderValue),
    /// More than one. It would be arbitrary to choose one, so none counts.
    Many,
}

/// Returns whether a value of `Authorization` counts. An empty one is absent, and so is one of a scheme
/// that the layer ignores.
pub(crate) fn counts(value: &HeaderValue, ignored_schemes: &[Box<str>]) -> bool {
    let value = value.as_bytes().trim_ascii();
    let is_scheme = |scheme: &str| {
        let end = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
        value[..end].eq_ignore_ascii_case(scheme.as_bytes())
    };
    !value.is_empty() && !ignored_schemes.iter().any(|scheme| is_scheme(scheme))
}

impl<'a> Authorization<'a> {
    pub(crate) fn of(headers: &'a HeaderMap, ignored_schemes: &[Box<str>]) -> Self {
        let values = headers.get_all(header::AUTHORIZATION).iter();
        let mut values = values.filter(|value| counts(value, ignored_schemes));
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

/// Omits the headers, because some hold secrets.
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
        let authorization = Authorization::of(headers, &[]);
        let (cookies, protection) = (Cookies::Visible, None);
        Self { method, uri, headers, extensions, authorization, cookies, protection }
    }

    /// Returns the head without `Authorization` headers of these schemes.
    pub(crate) fn ignoring(self, schemes: &[Box<str>]) -> Self {
        if schemes.is_empty() {
            return self;
        }
        Self { authorization: Authorization::of(self.headers, schemes), ..self }
    }

    /// Returns the head with the origins that the layer trusts.
    pub(crate) fn trusting(self, protection: &'a CrossOriginProtection) -> Self {
        Self { protection: Some(protection), ..self }
    }

    /// Returns the head without cookies, for requests that another credential authenticates. Verifying
    /// their cookies would extend the idle timeout of another sign-in.
    pub(crate) fn without_cookies(self) -> Self {
        Self { cookies: Cookies::Hidden, ..self }
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the request target.
    #[must_use]
    pub fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// Returns the headers.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// Returns the extensions, such as the client's TLS certificate.
    #[must_use]
    pub fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// Returns whether there is an `Authorization` header. If so, cookies are ignored. An empty header counts
    /// as absent, and so does one of a scheme that the layer
    /// [ignores](crate::AuthLayer::ignored_scheme).
    #[must_use]
    pub fn has_authorization(&self) -> bool {
        !matches!(self.authorization, Authorization::Absent)
    }

    /// Returns what follows the scheme in the `Authorization` header, if there is exactly one such
    /// header and it has this scheme (RFC 9110 section 11.4; the comparison ignores case).
    #[must_use]
    pub fn credentials(&self, scheme: &str) -> Option<&'a [u8]> {
        self.authorization.credentials(scheme)
    }

    /// Returns the cookie with exactly this name. Other cookies are skipped without parsing.
    #[must_use]
    pub fn cookie(&self, name: &str) -> RequestCookie<'a> {
        match self.cookies {
            Cookies::Visible => RequestCookie::find(self.headers, name),
            Cookies::Hidden => RequestCookie::Absent,
        }
    }

    /// Checks whether the request may use a cookie under this policy or under that of the layer.
    ///
    /// The layer checks it for every cookie that authenticates a request. A backend that records the use of
    /// a sign-in calls this first, and returns [`Attempt::cross_origin`](crate::Attempt::cross_origin) if it
    /// fails: a request from another site must not extend the idle timeout.
    ///
    /// # Errors
    ///
    /// Returns [`CrossOriginError`] if an unsafe request comes from another site that is not trusted.
    pub fn check_origin(&self, policy: &CrossOriginProtection) -> Result<(), CrossOriginError> {
        let origin = RequestOrigin::of(self.method, self.uri, self.headers);
        policy.or_layer(self.protection, &origin)
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

/// For extractors, which borrow the parts mutably.
impl<'a> From<&'a mut Parts> for RequestHead<'a> {
    fn from(parts: &'a mut Parts) -> Self {
        Self::from(&*parts)
    }
}

/// The cookies of one name in a request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RequestCookie<'a> {
    /// There is no cookie of this name.
    Absent,
    /// There is one value, without the quotes that some clients put around it. The request may carry the
    /// identical cookie several times.
    One(&'a [u8]),
    /// There are different ones. An attacker may have set one of them, so none counts.
    Many,
}

/// Omits the value, which may be a secret.
impl fmt::Debug for RequestCookie<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::One(_) => "One(..)",
            Self::Many => "Many",
        })
    }
}

impl<'a> RequestCookie<'a> {
    /// Scans for the cookie `name`. Names are case-sensitive, and a nameless cookie (`=__Host-a=b`)
    /// never matches (RFC 6265bis sections 4.1.3 and 5.6).
    #[inline]
    pub(crate) fn find(headers: &'a HeaderMap, name: &str) -> Self {
        let mut found = Self::Absent;
        for_each_value(headers, name, |value| {
            found = match found {
                Self::Absent => Self::One(value),
                Self::One(first) if first == value => found,
                _ => Self::Many,
            };
        });
        found
    }

    /// Returns the different values of the cookie `name`, at most [`MAX_VALUES`](Self::MAX_VALUES).
    pub(crate) fn values(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
        let mut values = Vec::new();
        for_each_value(headers, name, |value| {
            if values.len() < Self::MAX_VALUES && !values.contains(&value) {
                values.push(value);
            }
        });
        values
    }

    /// More cookies of one name than a browser sends for all domains and paths in use. Each of them costs a
    /// read from the store, so an attacker must not choose how many there are.
    const MAX_VALUES: usize = 8;
}

/// Calls `found` with each value of the cookie `name`. Attributes of the obsolete RFC 2965 (`$Version`,
/// `$Path`) are cookies of another name. A quoted value ends at the next semicolon like any other, so that
/// a quote in one cookie never hides another.
#[inline]
fn for_each_value<'a>(headers: &'a HeaderMap, name: &str, mut found: impl FnMut(&'a [u8])) {
    for line in headers.get_all(header::COOKIE) {
        let mut rest = line.as_bytes();
        loop {
            let (pair, next) = match memchr::memchr(b';', rest) {
                Some(end) => (&rest[..end], Some(&rest[end + 1..])),
                None => (rest, None),
            };
            if let Some(value) = value_of(pair, name) {
                found(value);
            }
            match next {
                Some(next) => rest = next,
                None => break,
            }
        }
    }
}

fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let pair = pair.trim_ascii();
    let value = pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    match value {
        [b'"', quoted @ .., b'"'] => Some(quoted),
        _ => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        for value in ["Bearer", "Bearerabc", "Basic abc", "", " "] {
            assert!(
                RequestHead::from(&request(&[value])).credentials("Bearer").is_none(),
                "{value}"
            );
        }
    }

    #[test]
    fn an_empty_authorization_header_is_absent() {
        for values in [&[][..], &[""], &[" "], &["\t  "], &["", ""]] {
            assert!(!RequestHead::from(&request(values)).has_authorization(), "{values:?}");
        }
        let request = request(&["", "Bearer a"]);
        assert_eq!(RequestHead::from(&request).credentials("bearer"), Some(&b"a"[..]));
    }

    #[test]
    fn an_ignored_scheme_is_absent_and_another_is_not() {
        let ignored = ["basic".into(), "Negotiate".into()];
        for values in
            [&["Basic abc"][..], &["BASIC"], &["negotiate\tx"], &["Basic a", "Negotiate b"]]
        {
            let request = request(values);
            assert!(
                !RequestHead::from(&request).ignoring(&ignored).has_authorization(),
                "{values:?}"
            );
        }
        for value in ["Basics abc", "Bearer Basic", "NTLM"] {
            let request = request(&["Basic abc", value]);
            assert!(RequestHead::from(&request).ignoring(&ignored).has_authorization(), "{value}");
        }
    }

    #[test]
    fn sec_34_neither_of_two_authorization_headers_counts() {
        let request = request(&["Bearer a", "Bearer b"]);
        let head = RequestHead::from(&request);
        assert!(head.credentials("Bearer").is_none() && head.has_authorization());
    }

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_bytes(line).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_found_at_any_position() {
        for line in [&b"sid=x"[..], b"a=b; sid=x", b"sid=x; a=b", b"a=b;sid=x;c=d", b"; ;sid=x"] {
            assert_eq!(RequestCookie::find(&headers(&[line]), "sid"), RequestCookie::One(b"x"));
        }
        assert_eq!(
            RequestCookie::find(&headers(&[b"a=b", b"sid=x"]), "sid"),
            RequestCookie::One(b"x")
        );
    }

    #[test]
    fn sec_32_similar_cookie_names_are_ignored() {
        let lines: [&[u8]; 7] = [
            b"=__Host-sid=y",
            b"__host-sid=y",
            b"__HOST-SID=y",
            b"x__Host-sid=y",
            b"__Host-sid2=y",
            b"__Host-sid",
            b"__Host-sid =y",
        ];
        for line in lines {
            assert_eq!(RequestCookie::find(&headers(&[line]), "__Host-sid"), RequestCookie::Absent);
        }
    }

    #[test]
    fn sec_34_two_different_cookies_of_one_name_are_many() {
        let lines: [&[&[u8]]; 5] = [
            &[b"sid=x; sid=y"],
            &[b"sid=x", b"sid=y"],
            &[b"sid=x; sid="],
            &[b"sid=x; sid=y; sid=x"],
            &[b"sid=\"x\"; sid=\"x"],
        ];
        for lines in lines {
            let headers = headers(lines);
            assert_eq!(RequestCookie::find(&headers, "sid"), RequestCookie::Many, "{lines:?}");
            assert_eq!(RequestCookie::values(&headers, "sid").len(), 2, "{lines:?}");
        }
        let many: Vec<_> = (0..100).map(|n| format!("sid={n}")).collect();
        let many = headers(&[many.join("; ").as_bytes()]);
        assert_eq!(RequestCookie::values(&many, "sid").len(), 8);
    }

    #[test]
    fn identical_cookies_are_one() {
        for lines in [&[&b"sid=x; sid=x"[..]][..], &[b"sid=x", b"sid=x"], &[b"sid=x; sid=\"x\""]] {
            let headers = headers(lines);
            assert_eq!(RequestCookie::find(&headers, "sid"), RequestCookie::One(b"x"));
            assert_eq!(RequestCookie::values(&headers, "sid"), [b"x"]);
        }
    }

    #[test]
    fn quotes_around_a_value_are_not_part_of_it() {
        for (line, value) in [
            (&b"$Version=\"1\"; sid=\"x\";$Path=\"/\""[..], &b"x"[..]),
            (b"sid=\"\"", b""),
            (b"sid=\"", b"\""),
            (b"sid=\"x", b"\"x"),
            (b"sid=x\"", b"x\""),
            (b"a=\"; sid=x; b=\"", b"x"),
        ] {
            let headers = headers(&[line]);
            assert_eq!(RequestCookie::find(&headers, "sid"), RequestCookie::One(value));
        }
    }

    proptest! {
        /// Compares with the `cookie` crate's parser on well-formed headers.
        #[test]
        fn cookies_are_found_as_by_a_full_parser(
            pairs in proptest::collection::vec(("[a-c]{1,2}", "[a-z0-9]{0,6}"), 0..8),
        ) {
            let line = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
            let headers = headers(&[line.as_bytes()]);
            let ours = RequestCookie::find(&headers, "a");
            let mut parsed: Vec<_> = cookie::Cookie::split_parse(line.as_str())
                .flatten()
                .filter(|cookie| cookie.name() == "a")
                .map(|cookie| cookie.value().to_owned())
                .collect();
            parsed.sort();
            parsed.dedup();
            match parsed.as_slice() {
                [] => prop_assert_eq!(ours, RequestCookie::Absent),
                [one] => prop_assert_eq!(ours, RequestCookie::One(one.as_bytes())),
                _ => prop_assert_eq!(ours, RequestCookie::Many),
            }
        }

        #[test]
        fn any_cookie_header_is_scanned_without_panic(line in proptest::collection::vec(32u8..=255, 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                RequestCookie::find(&std::iter::once((header::COOKIE, value)).collect(), "a");
            }
        }
    }
}
