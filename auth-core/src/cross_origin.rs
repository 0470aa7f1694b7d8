//! Cross-origin protection: which requests from other sites may use a cookie.
//!
//! The algorithm is that of Go 1.25's `http.CrossOriginProtection`, with two additions: a WebSocket
//! handshake counts as unsafe although it is a GET, and so does every method except GET, HEAD and
//! OPTIONS, including the `CONNECT` of HTTP/2 WebSockets (RFC 8441).

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use url::Url;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Decides which cross-origin requests may use an [ambient](crate::Transport::Ambient) credential: all
/// safe ones, and unsafe ones from trusted origins. By default, no other origin is trusted, not even a
/// sibling domain.
///
/// Every method except GET, HEAD and OPTIONS is unsafe, and so is a WebSocket handshake.
///
/// Browsers state the origin of a request in `Sec-Fetch-Site`, older ones in `Origin`. A client that
/// sends neither is not a browser, so it attached its cookies on purpose.
///
/// ```
/// use auth_core::CrossOriginProtection;
///
/// let policy = CrossOriginProtection::STRICT.trusted_origin("https://app.example.com")?;
/// # Ok::<(), auth_core::InvalidOrigin>(())
/// ```
#[derive(Clone, Debug)]
pub struct CrossOriginProtection {
    trusted: Option<Arc<[Trusted]>>,
    enforcement: Enforcement,
}

/// Other origins that may use the credential.
#[derive(Clone)]
enum Trusted {
    Origin(Box<str>),
    Predicate(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl fmt::Debug for Trusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => origin.fmt(f),
            Self::Predicate(_) => f.write_str("predicate"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enforcement {
    On,
    Off,
}

impl CrossOriginProtection {
    /// Trusts no other origin, so that every unsafe cross-origin request is refused.
    pub const STRICT: Self = Self { trusted: None, enforcement: Enforcement::On };

    /// Lets pages of this origin, such as `https://app.example.com`, use the credential.
    ///
    /// The origins of requests are compared with it in the form that browsers send: scheme and host in
    /// lower case, an internationalized name in its ASCII form (`xn--`), and no default port.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidOrigin`] if it is not the origin of a page: a scheme and a host, and a port if
    /// that is not the scheme's default. An origin contains no wildcard, path or user, and is not
    /// `null`.
    pub fn trusted_origin(self, origin: &str) -> Result<Self, InvalidOrigin> {
        let origin = normalize(origin).ok_or(InvalidOrigin)?;
        Ok(self.with(Trusted::Origin(origin.into())))
    }

    /// Lets pages of all origins use the credential for which `is_trusted` returns `true`. It gets the origin
    /// in the form that browsers send. It decides alone, so compare the scheme and the whole host, or a suffix
    /// of the host that begins with a dot:
    ///
    /// ```
    /// use auth_core::CrossOriginProtection;
    ///
    /// let policy = CrossOriginProtection::STRICT.trusted_origins(|origin| {
    ///     let host = origin.strip_prefix("https://");
    ///     host.is_some_and(|host| host.ends_with(".app.example.com"))
    /// });
    /// ```
    #[must_use]
    pub fn trusted_origins(
        self,
        is_trusted: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(Trusted::Predicate(Arc::new(is_trusted)))
    }

    fn with(self, trusted: Trusted) -> Self {
        let all = self.trusted.iter().flat_map(|trusted| trusted.to_vec()).chain([trusted]);
        Self { trusted: Some(all.collect()), ..self }
    }

    /// Disables the check. Any page that a signed-in user opens can then act as the user.
    #[must_use]
    pub fn insecure_disabled(self) -> Self {
        Self { enforcement: Enforcement::Off, ..self }
    }

    /// Checks whether a request of this origin may use the credential.
    ///
    /// # Errors
    ///
    /// Returns [`CrossOriginError`] if an unsafe request comes from another site that is not trusted.
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
        let origin = request.origin.map(|origin| String::from_utf8_lossy(origin.as_bytes()));
        Err(CrossOriginError { origin: origin.map(Into::into), path: request.path.into() })
    }

    /// Checks a request for a backend with this policy, behind a layer with another one. One of them has to
    /// pass.
    pub(crate) fn or_layer(
        &self,
        layer: Option<&Self>,
        request: &RequestOrigin<'_>,
    ) -> Result<(), CrossOriginError> {
        match (self.check(request), layer) {
            (Err(_), Some(layer)) => layer.check(request),
            (checked, _) => checked,
        }
    }

    fn trusts(&self, origin: &HeaderValue) -> bool {
        let Some(trusted) = &self.trusted else { return false };
        let Some(origin) = std::str::from_utf8(origin.as_bytes()).ok().and_then(normalize) else {
            return false;
        };
        trusted.iter().any(|trusted| match trusted {
            Trusted::Origin(trusted) => **trusted == *origin,
            Trusted::Predicate(is_trusted) => is_trusted(&origin),
        })
    }
}

impl Default for CrossOriginProtection {
    fn default() -> Self {
        Self::STRICT
    }
}

/// Compares without the scheme, which is unknown behind a proxy that terminates TLS.
fn is_host(origin: &HeaderValue, host: Option<&str>) -> bool {
    let origin = std::str::from_utf8(origin.as_bytes()).ok();
    let (Some(origin), Some(host)) = (origin, host) else { return false };
    let Some((scheme, of_page)) = origin.split_once("://") else { return false };
    of_page == host || {
        let host = normalize(&format!("{scheme}://{host}"));
        host.is_some() && host == normalize(origin)
    }
}

/// Returns an origin in the form that browsers send (the serialization of the URL standard), or `None` if
/// the text is not the origin of a page.
fn normalize(origin: &str) -> Option<String> {
    let (scheme, authority) = origin.split_once("://")?;
    // The parser would drop, decode or keep these. None is part of an origin.
    let is_foreign = |letter: char| {
        letter.is_whitespace() || letter.is_control() || "/\\?#@*%,".contains(letter)
    };
    let url = Url::parse(origin).ok()?;
    if authority.contains(is_foreign) || !url.scheme().eq_ignore_ascii_case(scheme) {
        return None;
    }
    url.host_str().filter(|host| !host.is_empty())?;
    match url.scheme() {
        "http" | "https" => Some(url.origin().ascii_serialization()),
        // No page has such an origin.
        "ws" | "wss" | "ftp" | "file" | "data" | "blob" | "about" | "javascript" => None,
        // The page of an app or of a browser extension, whose name is not that of a host.
        scheme if authority.is_ascii() => {
            Some(format!("{scheme}://{}", authority.to_ascii_lowercase()))
        }
        _ => None,
    }
}

/// The headers of a request that state where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct RequestOrigin<'a> {
    is_unsafe: bool,
    sec_fetch_site: Option<&'a HeaderValue>,
    origin: Option<&'a HeaderValue>,
    host: Option<&'a str>,
    path: &'a str,
}

impl<'a> RequestOrigin<'a> {
    pub(crate) fn is_unsafe(&self) -> bool {
        self.is_unsafe
    }

    /// Reads the origin from a request's head. For a safe request, the headers are not read.
    #[must_use]
    pub fn of(method: &Method, uri: &'a Uri, headers: &'a HeaderMap) -> Self {
        let is_unsafe = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
            || headers.contains_key(header::UPGRADE);
        let path = uri.path();
        if !is_unsafe {
            return Self { is_unsafe, sec_fetch_site: None, origin: None, host: None, path };
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        Self {
            is_unsafe,
            sec_fetch_site: headers.get(SEC_FETCH_SITE),
            origin: headers.get(header::ORIGIN),
            host: host.or_else(|| uri.authority().map(http::uri::Authority::as_str)),
            path,
        }
    }
}

/// An unsafe request comes from another site. The response is 403.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrossOriginError {
    /// The `Origin` header, if the request has one.
    pub origin: Option<Box<str>>,
    /// The path of the request.
    pub path: Box<str>,
}

impl fmt::Display for CrossOriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the request for {:?} comes from another site, ", self.path)?;
        match &self.origin {
            Some(origin) => write!(f, "{origin:?}, which is not a trusted origin"),
            None => f.write_str("which the browser did not name"),
        }
    }
}

impl Error for CrossOriginError {}

crate::error_with_message! {
    /// The text is not an origin.
    pub struct InvalidOrigin:
        "an origin must be a scheme and a host without wildcard, path or user, such as \
         https://app.example.com"
}

/// Defines the builder methods for [`CrossOriginProtection`] and the realm on a backend, which has a method
/// `change(self, impl FnOnce(&mut Options)) -> Self`. `Options` has the fields `protection` and `realm`.
#[doc(hidden)]
#[macro_export]
macro_rules! backend_options {
    () => {
        /// Lets pages of another origin, such as `https://app.example.com`, use the cookies of this backend.
        ///
        /// # Errors
        ///
        /// Returns an error if the text is not an origin.
        pub fn trusted_origin(self, origin: &str) -> Result<Self, $crate::InvalidOrigin> {
            let mut trusted = Ok(());
            let changed = self.change(|options| {
                let protection = options.protection.clone().trusted_origin(origin);
                trusted = protection.map(|protection| options.protection = protection);
            });
            trusted.map(|()| changed)
        }

        /// Disables the check of the origin of requests. Any page that a signed-in user opens can then act
        /// as the user.
        pub fn insecure_cross_origin(self) -> Self {
            self.change(|options| {
                options.protection = $crate::CrossOriginProtection::STRICT.insecure_disabled();
            })
        }

        /// Sets the realm in the `WWW-Authenticate: Bearer` header of refusals. Defaults to `api`. Characters
        /// outside visible ASCII become `?`.
        pub fn realm(self, realm: impl Into<::std::sync::Arc<str>>) -> Self {
            self.change(|options| options.realm = realm.into())
        }
    };
}

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
            request = request.header(*name, value.as_bytes());
        }
        let request = request.body(()).unwrap();
        let origin = RequestOrigin::of(request.method(), request.uri(), request.headers());
        policy.check(&origin).is_ok()
    }

    /// The cases of the tests of Go 1.25's `CrossOriginProtection`.
    #[test]
    fn sec_38_unsafe_cross_origin_requests_are_rejected() {
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
    fn sec_41_a_websocket_handshake_from_another_site_is_rejected() {
        let from = |site| [("upgrade", "websocket"), ("sec-fetch-site", site)];
        assert!(!allowed(&CrossOriginProtection::STRICT, "GET", &from("cross-site")));
        assert!(allowed(&CrossOriginProtection::STRICT, "GET", &from("same-origin")));
        let old = [("upgrade", "websocket"), ("origin", "https://evil.example"), ("host", "a.b")];
        assert!(!allowed(&CrossOriginProtection::STRICT, "GET", &old));
    }

    #[test]
    fn a_trusted_origin_matches_exactly() {
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
    fn a_predicate_gets_origins_in_the_form_of_browsers() {
        let policy = CrossOriginProtection::STRICT.trusted_origins(|origin| {
            let host = origin.strip_prefix("https://");
            host.is_some_and(|host| host.ends_with(".app.example"))
        });
        let policy = policy.trusted_origin("https://other.example").unwrap();
        let from = |origin| {
            let headers = [("sec-fetch-site", "cross-site"), ("origin", origin)];
            allowed(&policy, "POST", &headers)
        };
        for origin in
            ["https://a.app.example", "HTTPS://B.App.Example:443", "https://other.example"]
        {
            assert!(from(origin), "{origin}");
        }
        for origin in [
            "http://a.app.example",
            "https://app.example",
            "https://evilapp.example",
            "https://a.app.example:8443",
            "https://evil.example/.app.example",
            "https://evil.example?.app.example",
            "https://evil.example#.app.example",
            "https://evil.example\\.app.example",
            "https://x@evil.example,.app.example",
            "null",
            "",
        ] {
            assert!(!from(origin), "{origin}");
        }
    }

    #[test]
    fn an_invalid_origin_does_not_build() {
        for origin in [
            "",
            "null",
            "*",
            "example.com",
            "//example.com",
            "https:",
            "https://",
            "https:///",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://u:p@a",
            "https://a\\b",
            "https://*.example.com",
            "https://*",
            "*://a",
            "https://a:*",
            "https://a b",
            " https://a",
            "https://a ",
            "ht\ttps://a",
            "https://a\n",
            "https://a, https://b",
            "https://a:99999",
            "https://a:b",
            "https://%61",
            "https://[::1",
            "https://a^b",
            "https://xn--a",
            "file:///a",
            "wss://a",
            "data://a",
            "app://b\u{fc}cher",
            "https:a",
            "https:/a",
            "a.b",
        ] {
            assert!(CrossOriginProtection::STRICT.trusted_origin(origin).is_err(), "{origin:?}");
        }
        for origin in ["https://a", "http://localhost:3000", "https://[::1]:8443", "https://a.:80"]
        {
            assert!(CrossOriginProtection::STRICT.trusted_origin(origin).is_ok(), "{origin}");
        }
    }

    /// Each line holds spellings of one origin, the first of them as browsers send it.
    const SPELLINGS: [&[&str]; 6] = [
        &["https://app.example.com", "https://App.Example.COM", "HTTPS://app.example.com:443"],
        &["http://app.example.com", "http://app.example.com:80", "Http://APP.example.com:"],
        &["https://app.example.com:8443", "https://APP.example.com:08443"],
        &[
            "https://xn--bcher-kva.example",
            "https://b\u{fc}cher.example",
            "https://B\u{dc}CHER.example:443",
            "https://bu\u{308}cher.example",
            "https://XN--BCHER-KVA.example",
        ],
        &["https://[2001:db8::1]", "https://[2001:DB8:0:0::1]:443"],
        &["capacitor://localhost", "Capacitor://LOCALHOST"],
    ];

    #[test]
    fn origins_are_compared_in_one_form() {
        for (at, spellings) in SPELLINGS.iter().enumerate() {
            for trusted in *spellings {
                let policy = CrossOriginProtection::STRICT.trusted_origin(trusted).unwrap();
                let passes = |origin: &str| {
                    let headers = [("sec-fetch-site", "cross-site"), ("origin", origin)];
                    allowed(&policy, "POST", &headers)
                };
                assert!(spellings.iter().all(|origin| passes(origin)), "{trusted}");
                let others = SPELLINGS.iter().enumerate().filter(|(other, _)| *other != at);
                for other in others.flat_map(|(_, spellings)| *spellings) {
                    assert!(!passes(other), "{trusted} and {other}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn the_form_of_an_origin_is_its_own_form(host in "[a-zA-Z0-9ß-ü.:\\[\\]-]{0,12}") {
            for scheme in ["https", "Http", "app"] {
                if let Some(origin) = normalize(&format!("{scheme}://{host}")) {
                    proptest::prop_assert_eq!(normalize(&origin), Some(origin));
                }
            }
        }
    }

    #[test]
    fn the_own_origin_is_compared_in_the_same_form() {
        let own = |origin, host| {
            allowed(&CrossOriginProtection::STRICT, "POST", &[("origin", origin), ("host", host)])
        };
        for (origin, host) in [
            ("https://shop.example", "Shop.Example"),
            ("https://shop.example", "shop.example:443"),
            ("https://shop.example:443", "shop.example"),
            ("http://shop.example", "shop.example:80"),
            ("https://b\u{fc}cher.example", "xn--bcher-kva.example"),
        ] {
            assert!(own(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://shop.example", "shop.example:80"),
            ("https://shop.example:8443", "shop.example"),
            ("https://shop.example", "shop.example."),
            ("https://shop.example/", "shop.example"),
            ("https://shop.example", "shop.example/"),
            ("https://evil.example", "shop.example"),
            ("null", "null"),
        ] {
            assert!(!own(origin, host), "{origin} {host}");
        }
    }

    #[test]
    fn the_http2_authority_replaces_the_host_header() {
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
