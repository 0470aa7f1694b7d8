//! The policy by which a credential's cookie is written: its name and attributes.
//!
//! They are checked together when the policy is built, because browsers silently drop cookies whose
//! parts contradict each other. [`RequestCookie`](crate::RequestCookie) reads cookies.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use ::cookie::Cookie;
use http::HeaderValue;

pub use ::cookie::SameSite;

/// The longest name and value, together, that a browser stores (RFC 6265bis section 5.6), in bytes.
const MAX_NAME_AND_VALUE: usize = 4096;
/// The longest attribute value that a browser reads (RFC 6265bis section 5.6), in bytes.
const MAX_ATTRIBUTE: usize = 1024;
/// 400 days (RFC 6265bis section 5.5).
const MAX_AGE: Duration = Duration::from_secs(34_560_000);
/// Enough bytes for every value that the backends write.
const ROOM_FOR_VALUE: usize = 1024;

/// The name and attributes of a credential's cookie: always `HttpOnly`, with `SameSite`, and `Secure`
/// unless [`CookieBuilder::insecure_http`] was called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookiePolicy {
    name: Box<str>,
    domain: Option<Box<str>>,
    path: Box<str>,
    same_site: SameSite,
    channel: Channel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Tls,
    Plain,
}

impl CookiePolicy {
    /// Creates the policy of the cookie `__Host-{name}`: `Secure`, `Path=/`, `SameSite=Lax`, and no
    /// `Domain`, so that browsers send it to this host only.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCookie`] if `name` is not a valid cookie name.
    pub fn host(name: &str) -> Result<Self, InvalidCookie> {
        CookieBuilder::new(format!("__Host-{name}")).build()
    }

    /// Returns the cookie's full name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the `Set-Cookie` header that stores `value` for `max_age`, which is capped at 400 days.
    /// Without `max_age`, the browser keeps the cookie until it closes.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCookie`] if name and value together exceed 4096 bytes, or the value holds
    /// bytes that a cookie cannot carry.
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
        header.set_sensitive(true); // `Debug` does not show it, and HTTP/2 does not index it
        Ok(header)
    }

    /// Returns the `Set-Cookie` header that removes the cookie: it has the same name, domain and path.
    ///
    /// # Panics
    ///
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
            .secure(self.channel == Channel::Tls);
        if let Some(domain) = &self.domain {
            cookie = cookie.domain(&**domain);
        }
        cookie.build()
    }
}

/// Builds a [`CookiePolicy`]; [`build`](Self::build) checks that its parts fit together.
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
    /// Creates a builder for the cookie with this full name. Defaults to `Secure`, `Path=/`,
    /// `SameSite=Lax` and no `Domain`.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(CookiePolicy {
            name: name.into(),
            domain: None,
            path: "/".into(),
            same_site: SameSite::Lax,
            channel: Channel::Tls,
        })
    }

    /// Sets `Domain`: browsers send the cookie to this domain and every host below it.
    pub fn domain(mut self, domain: impl Into<Box<str>>) -> Self {
        self.0.domain = Some(domain.into());
        self
    }

    /// Sets `Path`: browsers send the cookie to this path and below. Defaults to `/`.
    pub fn path(mut self, path: impl Into<Box<str>>) -> Self {
        self.0.path = path.into();
        self
    }

    /// Sets `SameSite`: with which cross-site requests browsers send the cookie. Defaults to `Lax`.
    ///
    /// With `Strict`, a request that follows a link from another site carries no cookie, so a user
    /// looks like a visitor to it: do not store data for visitors in a GET then.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.0.same_site = same_site;
        self
    }

    /// Omits `Secure`, for development over plain HTTP. Anyone who can read the network can then steal
    /// the cookie, so never use it on a public host.
    pub fn insecure_http(mut self) -> Self {
        self.0.channel = Channel::Plain;
        self
    }

    /// Checks the parts and returns the policy.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCookie`], which names the first part that is invalid or contradicts another.
    pub fn build(self) -> Result<CookiePolicy, InvalidCookie> {
        let CookiePolicy { name, domain, path, same_site, channel } = &self.0;
        let prefixed = |prefix: &str| {
            name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let secure = *channel == Channel::Tls;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidCookie::Name);
        }
        if name.len() + ROOM_FOR_VALUE > MAX_NAME_AND_VALUE {
            return Err(InvalidCookie::TooLong);
        }
        let host_only = secure && domain.is_none() && &**path == "/";
        if (prefixed("__Host-") || prefixed("__Host-Http-")) && !host_only {
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

/// Why a [`CookiePolicy`] cannot be built, or a cookie cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCookie {
    /// The name is not a token (RFC 9110 section 5.6.2).
    Name,
    /// The value holds bytes that a cookie cannot carry.
    Value,
    /// `__Host-` requires `Secure`, `Path=/` and no `Domain`.
    HostPrefix,
    /// `__Secure-` requires `Secure`.
    SecurePrefix,
    /// `SameSite=None` requires `Secure`.
    SameSiteNone,
    /// The path does not start with `/`, is longer than 1024 bytes, or holds `;`.
    Path,
    /// The domain is not a host name.
    Domain,
    /// Name and value together are longer than 4096 bytes.
    TooLong,
}

impl fmt::Display for InvalidCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "a cookie name must consist of letters, digits and !#$%&'*+-.^_`|~",
            Self::Value => "a cookie value must consist of visible ASCII without \" , ; and \\",
            Self::HostPrefix => "a `__Host-` cookie must have Secure, Path=/ and no Domain",
            Self::SecurePrefix => "a `__Secure-` cookie must have Secure",
            Self::SameSiteNone => "SameSite=None requires Secure",
            Self::Path => {
                "a cookie path must start with / and have at most 1024 bytes, none of them ;"
            }
            Self::Domain => "a cookie domain must be a host name of at most 253 bytes",
            Self::TooLong => "a cookie's name and value must have at most 4096 bytes together",
        })
    }
}

impl Error for InvalidCookie {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sec_25_27_28_the_default_cookie_has_every_attribute() {
        let policy = CookiePolicy::host("session").unwrap();
        assert_eq!(
            policy.set_cookie("v", None).unwrap(),
            "__Host-session=v; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
    }

    #[test]
    fn sec_26_combinations_that_browsers_reject_do_not_build() {
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
    fn sec_29_a_cookie_over_4096_bytes_is_an_error() {
        let policy = CookiePolicy::host("session").unwrap();
        let room = 4096 - policy.name().len();
        assert!(policy.set_cookie(&"x".repeat(room), None).is_ok());
        assert_eq!(policy.set_cookie(&"x".repeat(room + 1), None), Err(InvalidCookie::TooLong));
    }

    #[test]
    fn a_removal_has_the_same_name_domain_and_path() {
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
