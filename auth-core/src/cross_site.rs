//! Which requests of other sites may use a cookie.
//!
//! The decision is the one of Go 1.25's `http.CrossOriginProtection`, with two additions: a
//! WebSocket handshake counts as unsafe although it is a GET, and so does any method but GET, HEAD
//! and OPTIONS, `CONNECT` of HTTP/2 WebSockets (RFC 8441) included.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which requests of other sites may use an ambient credential: those of no other site, unless
/// origins are trusted by name.
///
/// Browsers say where a request comes from in `Sec-Fetch-Site`, older ones in `Origin`. A client
/// that sends neither is no browser, and nobody but itself attached its cookies.
#[derive(Clone, Debug)]
pub struct CrossOriginProtection {
    trusted: Option<Arc<[Box<str>]>>,
    enforcement: Enforcement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enforcement {
    On,
    Off,
}

impl CrossOriginProtection {
    /// No other site may.
    pub const STRICT: Self = Self { trusted: None, enforcement: Enforcement::On };

    /// Lets pages of this origin, such as `https://app.example.com`, use the credential.
    ///
    /// # Errors
    /// If it is not a scheme and a host, with a port where it is not the scheme's own.
    pub fn trusted_origin(self, origin: &str) -> Result<Self, InvalidOrigin> {
        let uri: Uri = origin.parse().map_err(|_| InvalidOrigin)?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(InvalidOrigin);
        };
        if origin != format!("{scheme}://{authority}") || authority.as_str().contains('@') {
            return Err(InvalidOrigin);
        }
        let mut trusted: Vec<Box<str>> = self.trusted.iter().flat_map(|t| t.to_vec()).collect();
        trusted.push(origin.into());
        Ok(Self { trusted: Some(trusted.into()), ..self })
    }

    /// Checks nothing. Any page that a signed-in user opens can then act as the user.
    #[must_use]
    pub fn insecure_disabled(self) -> Self {
        Self { enforcement: Enforcement::Off, ..self }
    }

    /// Whether a request that says this of its origin may use the credential.
    ///
    /// # Errors
    /// [`CrossOriginError`] if it comes from another site that is not trusted.
    pub fn check(&self, request: &RequestOrigin<'_>) -> Result<(), CrossOriginError> {
        if self.enforcement == Enforcement::Off || !request.is_unsafe {
            return Ok(());
        }
        let own = match (request.sec_fetch_site.map(HeaderValue::as_bytes), request.origin) {
            (Some(b"same-origin" | b"none"), _) => true,
            (Some(site), _) if !site.is_empty() => false,
            (_, None) => true,
            (_, Some(origin)) => is_host(origin, request.host),
        };
        if own || request.origin.is_some_and(|origin| self.trusts(origin)) {
            return Ok(());
        }
        Err(CrossOriginError)
    }

    fn trusts(&self, origin: &HeaderValue) -> bool {
        let mut trusted = self.trusted.iter().flat_map(|trusted| trusted.iter());
        trusted.any(|trusted| trusted.as_bytes() == origin.as_bytes())
    }
}

impl Default for CrossOriginProtection {
    fn default() -> Self {
        Self::STRICT
    }
}

/// Compares without the scheme: behind a proxy that ends TLS it is not known.
fn is_host(origin: &HeaderValue, host: Option<&str>) -> bool {
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, of_page)), Some(host)) if of_page == host)
}

/// What a request says of where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct RequestOrigin<'a> {
    is_unsafe: bool,
    sec_fetch_site: Option<&'a HeaderValue>,
    origin: Option<&'a HeaderValue>,
    host: Option<&'a str>,
}

impl<'a> RequestOrigin<'a> {
    pub(crate) fn is_unsafe(&self) -> bool {
        self.is_unsafe
    }

    /// Reads it from a request's head; of a safe request, nothing more than that it is safe.
    #[must_use]
    pub fn of(method: &Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        let is_unsafe = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            || headers.contains_key(header::UPGRADE);
        if !is_unsafe {
            return Self { is_unsafe, sec_fetch_site: None, origin: None, host: None };
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        Self {
            is_unsafe,
            sec_fetch_site: headers.get(SEC_FETCH_SITE),
            origin: headers.get(header::ORIGIN),
            host: host.or_else(|| uri.authority().map(http::uri::Authority::as_str)),
        }
    }
}

/// The request comes from another site: 403.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrossOriginError;

impl fmt::Display for CrossOriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request comes from another site, which is not a trusted origin")
    }
}

impl Error for CrossOriginError {}

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidOrigin;

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an origin is a scheme and a host, such as https://app.example.com")
    }
}

impl Error for InvalidOrigin {}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn allowed(
        policy: &CrossOriginProtection,
        method: &str,
        headers: &[(&'static str, &str)],
    ) -> bool {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let origin = RequestOrigin::of(request.method(), request.uri(), request.headers());
        policy.check(&origin).is_ok()
    }

    /// The cases that the tests of Go 1.25's `CrossOriginProtection` name.
    #[test]
    fn sec_38_cross_site_requests() {
        const HOST: (&str, &str) = ("host", "example.com");
        let site = |value| ("sec-fetch-site", value);
        let origin = |value| ("origin", value);
        let cases = [
            ("POST", vec![site("same-origin")], true),
            ("POST", vec![site("cross-site")], false),
            ("POST", vec![site("same-site")], false),
            ("POST", vec![site("none")], true),
            ("GET", vec![site("cross-site")], true),
            ("HEAD", vec![site("cross-site")], true),
            ("OPTIONS", vec![site("cross-site")], true),
            ("PUT", vec![site("cross-site")], false),
            ("DELETE", vec![site("cross-site")], false),
            ("CONNECT", vec![site("cross-site")], false),
            ("TRACE", vec![site("cross-site")], false),
            ("POST", vec![], true),
            ("POST", vec![origin("https://example.com")], true),
            ("POST", vec![origin("http://example.com")], true),
            ("POST", vec![origin("https://attacker.example")], false),
            ("POST", vec![origin("https://example.com:8443")], false),
            ("POST", vec![origin("null")], false),
            ("POST", vec![origin("")], false),
            ("PATCH", vec![origin("https://attacker.example")], false),
            ("GET", vec![origin("https://attacker.example")], true),
            ("POST", vec![site("same-origin"), origin("https://attacker.example")], true),
            ("POST", vec![site("cross-site"), origin("https://example.com")], false),
            ("POST", vec![site(""), origin("https://example.com")], true),
            ("POST", vec![site(""), origin("https://attacker.example")], false),
            ("POST", vec![site("SAME-ORIGIN")], false),
        ];
        for (method, mut headers, expected) in cases {
            headers.push(HOST);
            assert_eq!(
                allowed(&CrossOriginProtection::STRICT, method, &headers),
                expected,
                "{method} {headers:?}"
            );
        }
    }

    #[test]
    fn sec_41_a_websocket_handshake_of_another_site_is_unsafe() {
        let from = |site| [("upgrade", "websocket"), ("sec-fetch-site", site)];
        assert!(!allowed(&CrossOriginProtection::STRICT, "GET", &from("cross-site")));
        assert!(allowed(&CrossOriginProtection::STRICT, "GET", &from("same-origin")));
        let old = [("upgrade", "websocket"), ("origin", "https://evil.example"), ("host", "a.b")];
        assert!(!allowed(&CrossOriginProtection::STRICT, "GET", &old));
    }

    #[test]
    fn a_trusted_origin_is_trusted_exactly() {
        let policy =
            CrossOriginProtection::STRICT.trusted_origin("https://trusted.example").unwrap();
        let from = |origin| {
            let headers = [("sec-fetch-site", "cross-site"), ("origin", origin)];
            allowed(&policy, "POST", &headers)
        };
        assert!(from("https://trusted.example"));
        for other in ["http://trusted.example", "https://trusted.example:1", "https://x", "null"] {
            assert!(!from(other), "{other}");
        }
        assert!(allowed(&policy.insecure_disabled(), "POST", &[("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn what_is_no_origin_does_not_build() {
        for origin in ["", "example.com", "https://", "https://a/", "https://a/b", "https://u@a"] {
            assert!(CrossOriginProtection::STRICT.trusted_origin(origin).is_err(), "{origin}");
        }
        for origin in ["https://a", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(CrossOriginProtection::STRICT.trusted_origin(origin).is_ok(), "{origin}");
        }
    }

    #[test]
    fn the_authority_of_http2_stands_for_the_host() {
        let request = Request::builder()
            .method("POST")
            .uri("https://example.com/login")
            .header("origin", "https://example.com")
            .body(())
            .unwrap();
        let origin = RequestOrigin::of(request.method(), request.uri(), request.headers());
        assert!(CrossOriginProtection::STRICT.check(&origin).is_ok());
    }
}
