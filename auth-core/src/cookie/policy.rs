//! How a credential's cookie is written: a name and attributes that were checked together.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use ::cookie::Cookie;
use http::HeaderValue;

pub use ::cookie::SameSite;

/// The most bytes a browser keeps of a cookie's name and value together (RFC 6265bis section 5.6).
const MAX_NAME_AND_VALUE: usize = 4096;
/// The most bytes a browser reads of one attribute's value (RFC 6265bis section 5.6).
const MAX_ATTRIBUTE: usize = 1024;
/// 400 days (RFC 6265bis section 5.5).
const MAX_AGE: Duration = Duration::from_secs(34_560_000);
/// For every value that the backends write.
const ROOM_FOR_VALUE: usize = 1024;

/// How a credential's cookie is written: `HttpOnly`, with `SameSite`, and `Secure` but for
/// [`CookieBuilder::insecure_http`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePolicy {
    name: Box<str>,
    domain: Option<Box<str>>,
    path: Box<str>,
    same_site: SameSite,
    transport: Channel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Tls,
    Plain,
}

impl CookiePolicy {
    /// `__Host-{name}`: only this host, only TLS, the whole site, `SameSite=Lax`.
    ///
    /// # Errors
    /// If it is no cookie name.
    pub fn host(name: &str) -> Result<Self, InvalidCookie> {
        CookieBuilder::new(format!("__Host-{name}")).build()
    }

    /// The cookie's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `Set-Cookie` of `value`. Without `max_age`, at most 400 days, it ends with the browser.
    ///
    /// # Errors
    /// If name and value together are longer than browsers keep, or the value is no cookie value.
    pub fn set_cookie(
        &self,
        value: &str,
        max_age: Option<Duration>,
    ) -> Result<HeaderValue, InvalidCookie> {
        if self.name.len() + value.len() > MAX_NAME_AND_VALUE {
            return Err(InvalidCookie::TooLong);
        }
        if !value.bytes().all(is_cookie_octet) {
            return Err(InvalidCookie::Value);
        }
        let mut cookie = self.cookie(value);
        if let Some(age) = max_age {
            let secs = age.min(MAX_AGE).as_secs();
            cookie.set_max_age(::cookie::time::Duration::seconds(secs.cast_signed()));
        }
        let mut header =
            HeaderValue::try_from(cookie.to_string()).map_err(|_| InvalidCookie::Value)?;
        header.set_sensitive(true); // neither shown by `Debug` nor kept by HTTP/2 tables
        Ok(header)
    }

    /// The `Set-Cookie` value that takes the cookie away: the same name, domain and path.
    ///
    /// # Panics
    /// Never: `build` checked every part.
    #[must_use]
    pub fn removal_cookie(&self) -> HeaderValue {
        let mut cookie = self.cookie("");
        cookie.make_removal();
        HeaderValue::try_from(cookie.to_string()).expect("every part was checked by `build`")
    }

    fn cookie<'a>(&'a self, value: &'a str) -> Cookie<'a> {
        let mut cookie = Cookie::build((&*self.name, value))
            .path(&*self.path)
            .http_only(true)
            .same_site(self.same_site)
            .secure(self.transport == Channel::Tls);
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(&**domain);
        }
        cookie.build()
    }
}

/// Puts a [`CookiePolicy`] together; [`build`](Self::build) checks the parts together.
///
/// ```
/// use auth_core::{CookieBuilder, InvalidCookie};
///
/// let shared = CookieBuilder::new("__Secure-session").domain("example.com").build()?;
/// assert_eq!(shared.name(), "__Secure-session");
///
/// let broken = CookieBuilder::new("__Host-session").domain("example.com").build();
/// assert_eq!(broken, Err(InvalidCookie::HostPrefix));
/// # Ok::<(), InvalidCookie>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CookieBuilder(CookiePolicy);

impl CookieBuilder {
    /// A cookie of this full name for TLS, `Path=/`, `SameSite=Lax`, no `Domain`.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(CookiePolicy {
            name: name.into(),
            domain: None,
            path: "/".into(),
            same_site: SameSite::Lax,
            transport: Channel::Tls,
        })
    }

    /// Sends the cookie to every host below this domain.
    pub fn domain(mut self, domain: impl Into<Box<str>>) -> Self {
        self.0.domain = Some(domain.into());
        self
    }

    /// Sends the cookie below this path only.
    pub fn path(mut self, path: impl Into<Box<str>>) -> Self {
        self.0.path = path.into();
        self
    }

    /// From which sites it comes. With `Strict`, a page reached by a link from another site sees a
    /// visitor: store nothing for visitors in a GET then.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.0.same_site = same_site;
        self
    }

    /// Leaves `Secure` out, for development over plain http. Whoever reads the network can take
    /// the cookie: never on a public host.
    pub fn insecure_http(mut self) -> Self {
        self.0.transport = Channel::Plain;
        self
    }

    /// The policy, if its parts fit together.
    ///
    /// # Errors
    /// Which part does not, and why.
    pub fn build(self) -> Result<CookiePolicy, InvalidCookie> {
        let CookiePolicy { name, domain, path, same_site, transport } = &self.0;
        let prefixed = |prefix: &str| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let secure = *transport == Channel::Tls;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidCookie::Name);
        }
        if name.len() + ROOM_FOR_VALUE > MAX_NAME_AND_VALUE {
            return Err(InvalidCookie::TooLong);
        }
        let host_alone = secure && domain.is_none() && &**path == "/";
        if (prefixed("__Host-") || prefixed("__Host-Http-")) && !host_alone {
            return Err(InvalidCookie::HostPrefix);
        }
        if (prefixed("__Secure-") || prefixed("__Http-")) && !secure {
            return Err(InvalidCookie::SecurePrefix);
        }
        if *same_site == SameSite::None && !secure {
            return Err(InvalidCookie::SameSiteNone);
        }
        if !path.starts_with('/') || !is_attribute(path) {
            return Err(InvalidCookie::Path);
        }
        if domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            return Err(InvalidCookie::Domain);
        }
        Ok(self.0)
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6265bis section 4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

fn is_attribute(value: &str) -> bool {
    value.len() <= MAX_ATTRIBUTE && value.bytes().all(|b| (b' '..=b'~').contains(&b) && b != b';')
}

fn is_domain(domain: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    !domain.is_empty() && domain.len() <= 253 && domain.bytes().all(letters)
}

/// Why a cookie cannot be written as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCookie {
    /// The name is no token (RFC 9110 section 5.6.2).
    Name,
    /// The value holds bytes that a cookie cannot carry.
    Value,
    /// `__Host-` needs `Secure`, `Path=/` and no `Domain`.
    HostPrefix,
    /// `__Secure-` needs `Secure`.
    SecurePrefix,
    /// `SameSite=None` needs `Secure`.
    SameSiteNone,
    /// The path does not begin with `/`, is longer than 1024 bytes, or holds `;`.
    Path,
    /// The domain is no host name.
    Domain,
    /// Name and value together are longer than 4096 bytes.
    TooLong,
}

impl fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a cookie name is made of letters, digits and !#$%&'*+-.^_`|~",
            Self::Value => "a cookie value is made of visible ASCII without \" , ; and \\",
            Self::HostPrefix => "a `__Host-` cookie needs Secure, Path=/ and no Domain",
            Self::SecurePrefix => "a `__Secure-` cookie needs Secure",
            Self::SameSiteNone => "SameSite=None needs Secure",
            Self::Path => "a cookie path begins with / and has at most 1024 bytes without ;",
            Self::Domain => "a cookie domain is a host name of at most 253 bytes",
            Self::TooLong => "a cookie's name and value have at most 4096 bytes together",
        })
    }
}

impl Error for InvalidCookie {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sec_25_27_28_the_default_is_written_like_this() {
        let policy = CookiePolicy::host("session").unwrap();
        assert_eq!(
            policy.set_cookie("v", None).unwrap(),
            "__Host-session=v; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
    }

    #[test]
    fn sec_26_combinations_that_browsers_refuse_do_not_build() {
        let new = |name: &str| CookieBuilder::new(name);
        let cases = [
            (new("__Host-a").domain("example.com"), InvalidCookie::HostPrefix),
            (new("__Host-a").path("/app"), InvalidCookie::HostPrefix),
            (new("__host-a").insecure_http(), InvalidCookie::HostPrefix),
            (new("__Host-Http-a").path("/app"), InvalidCookie::HostPrefix),
            (new("__Secure-a").insecure_http(), InvalidCookie::SecurePrefix),
            (new("a").insecure_http().same_site(SameSite::None), InvalidCookie::SameSiteNone),
            (new("a b"), InvalidCookie::Name),
            (new(""), InvalidCookie::Name),
            (new("a").path("app"), InvalidCookie::Path),
            (new("a").path("/;Domain=evil.com"), InvalidCookie::Path),
            (new("a").domain("a;b"), InvalidCookie::Domain),
            (new(&"a".repeat(4000)), InvalidCookie::TooLong),
        ];
        for (builder, error) in cases {
            assert_eq!(builder.clone().build(), Err(error), "{builder:?}");
        }
    }

    #[test]
    fn sec_29_a_cookie_over_4096_bytes_is_a_loud_error() {
        let policy = CookiePolicy::host("session").unwrap();
        let room = 4096 - policy.name().len();
        assert!(policy.set_cookie(&"x".repeat(room), None).is_ok());
        assert_eq!(policy.set_cookie(&"x".repeat(room + 1), None), Err(InvalidCookie::TooLong));
    }

    #[test]
    fn the_removal_names_the_same_cookie() {
        let policy = CookieBuilder::new("a").domain("example.com").path("/app").build().unwrap();
        let removal = policy.removal_cookie();
        let removal = removal.to_str().unwrap();
        for part in ["a=;", "Domain=example.com", "Path=/app", "Max-Age=0", "Secure"] {
            assert!(removal.contains(part), "{part} in {removal}");
        }
    }

    proptest! {
        #[test]
        fn sec_30_an_attribute_value_has_at_most_1024_bytes(extra in 0usize..3000) {
            let path = format!("/{}", "p".repeat(extra));
            let fits = path.len() <= 1024;
            prop_assert_eq!(CookieBuilder::new("a").path(path).build().is_ok(), fits);
        }

        #[test]
        fn sec_31_max_age_is_at_most_400_days(secs: u64) {
            let policy = CookiePolicy::host("session").unwrap();
            let header = policy.set_cookie("v", Some(Duration::from_secs(secs))).unwrap();
            let (_, age) = header.to_str().unwrap().split_once("Max-Age=").unwrap();
            let age: u64 = age.split(';').next().unwrap().parse().unwrap();
            prop_assert_eq!(age, secs.min(34_560_000));
        }

        #[test]
        fn no_value_breaks_out_of_the_header(value: String) {
            let policy = CookiePolicy::host("session").unwrap();
            if let Ok(header) = policy.set_cookie(&value, None) {
                let parts = header.to_str().unwrap().split(';').count();
                prop_assert_eq!(parts, 5, "name=value and four attributes");
            }
        }
    }
}
