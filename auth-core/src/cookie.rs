//! The policy by which a credential's cookie is written: its name and attributes.
//!
//! They are checked together when the policy is built, because browsers silently drop cookies whose
//! parts contradict each other. [`RequestCookie`](crate::RequestCookie) reads cookies.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use ::cookie::Cookie;
use ::cookie::time::OffsetDateTime;
use http::HeaderValue;

pub use ::cookie::SameSite;

use crate::clock::Timestamp;

/// The longest name and value, together, that a browser stores (RFC 6265bis section 5.6), in bytes.
const MAX_NAME_AND_VALUE: usize = 4096;
/// The longest attribute value that a browser reads (RFC 6265bis section 5.6), in bytes.
const MAX_ATTRIBUTE: usize = 1024;
/// 400 days (RFC 6265bis section 5.5).
const MAX_AGE: Duration = Duration::from_secs(34_560_000);
/// How many cookies of other scopes a response removes. With this many, the headers fit into a proxy's buffer.
const MAX_REMOVALS: usize = 24;
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
    is_partitioned: bool,
    former: Vec<CookiePolicy>,
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

    /// Returns the `Set-Cookie` header that stores `value` for `max_age` from `now`, and for 400 days at
    /// most. Without `max_age`, the browser keeps the cookie until it closes.
    ///
    /// The lifetime is written as `Max-Age`, and as `Expires` for clients that do not know `Max-Age`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidCookie`] if name and value together exceed 4096 bytes, or the value holds
    /// bytes that a cookie cannot carry.
    pub fn set_cookie(
        &self,
        value: &str,
        max_age: Option<Duration>,
        now: Timestamp,
    ) -> Result<HeaderValue, InvalidCookie> {
        if self.name.len() + value.len() > MAX_NAME_AND_VALUE {
            return Err(InvalidCookie::TooLong);
        }
        if !value.bytes().all(is_cookie_octet) {
            return Err(InvalidCookie::Value);
        }
        let mut cookie = self.cookie(value);
        if let Some(age) = max_age {
            let age = age.min(MAX_AGE);
            cookie.set_max_age(::cookie::time::Duration::seconds(age.as_secs().cast_signed()));
            let at = (now + age).as_secs().cast_signed();
            cookie.set_expires(OffsetDateTime::from_unix_timestamp(at).ok());
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
    /// Never panics: `build` checked every part.
    #[must_use]
    pub fn removal_cookie(&self) -> HeaderValue {
        let mut cookie = self.cookie("");
        cookie.make_removal();
        HeaderValue::try_from(cookie.to_string()).expect("every part was checked by `build`")
    }

    /// Returns the `Set-Cookie` headers that remove the cookies which the browser may have from before the
    /// present configuration: those that are [named](CookieBuilder::former), the cookie for this host alone if
    /// the policy has a domain, and the cookie that is not partitioned if this one is.
    pub(crate) fn former_removals(&self) -> Vec<HeaderValue> {
        let host_only = self.domain.as_ref().map(|_| self.removal_in(None, &self.path));
        let unpartitioned = self.unpartitioned().map(|policy| policy.removal_cookie());
        let named = self.former.iter().map(Self::removal_cookie);
        named.chain(host_only).chain(unpartitioned).collect()
    }

    /// Returns the same policy without `Partitioned`, if this one has it.
    fn unpartitioned(&self) -> Option<Self> {
        self.is_partitioned.then(|| Self { is_partitioned: false, ..self.clone() })
    }

    /// Returns `Set-Cookie` headers that remove the cookies of this name in every other scope from which a
    /// browser sends them to this host and path. The scopes combine the host and each domain above it with `/`,
    /// each folder of the path and the path itself. If this cookie is partitioned, they also remove cookies that
    /// are not. The headers have to fit into a proxy's buffer, so there are at most 24.
    pub(crate) fn removals_of_other_scopes(&self, host: &str, path: &str) -> Vec<HeaderValue> {
        if self.is_host_prefixed() {
            return Vec::new();
        }
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host); // without the port
        let is_name = host.bytes().any(|byte| byte.is_ascii_alphabetic()) && is_domain(host);
        let above = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        let domains =
            std::iter::once(host).chain(above).filter(|name| is_name && name.contains('.'));
        let domains: Vec<_> = [None].into_iter().chain(domains.map(Some)).take(4).collect();
        // A folder is a scope with its last slash, and another one without it.
        let slashes = path.match_indices('/').skip(1);
        let folders = slashes.flat_map(|(slash, _)| [&path[..slash], &path[..=slash]]);
        let mut paths: Vec<&str> = Vec::with_capacity(6);
        for scope in ["/", &self.path, path].into_iter().chain(folders) {
            if paths.len() < 6 && is_path(scope) && !paths.contains(&scope) {
                paths.push(scope);
            }
        }
        let scopes = domains.iter().flat_map(|domain| paths.iter().map(|path| (*domain, *path)));
        let own = (self.domain.as_deref(), &*self.path);
        let others = scopes.filter(|(domain, path)| {
            let same = |own: &str| domain.is_some_and(|domain| domain.eq_ignore_ascii_case(own));
            *path != own.1 || own.0.map_or(domain.is_some(), |own| !same(own))
        });
        let others: Vec<_> = others.collect();
        let removals = |policy: &Self| {
            let removal = |(domain, path): &(Option<&str>, &str)| policy.removal_in(*domain, path);
            others.iter().map(removal).collect::<Vec<_>>()
        };
        let unpartitioned = self.unpartitioned().map(|policy| removals(&policy));
        let mut all = unpartitioned.unwrap_or_default();
        all.extend(removals(self));
        all.truncate(MAX_REMOVALS);
        all
    }

    fn removal_in(&self, domain: Option<&str>, path: &str) -> HeaderValue {
        let scope = Self { domain: domain.map(Into::into), path: path.into(), ..self.clone() };
        scope.removal_cookie()
    }

    fn is_host_prefixed(&self) -> bool {
        has_prefix(&self.name, "__Host-") || has_prefix(&self.name, "__Host-Http-")
    }

    fn cookie<'a>(&'a self, value: &'a str) -> Cookie<'a> {
        let mut cookie = Cookie::build((&*self.name, value))
            .path(&*self.path)
            .http_only(true)
            .same_site(self.same_site)
            .partitioned(self.is_partitioned)
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
            is_partitioned: false,
            former: Vec::new(),
        })
    }

    /// Sets `Domain`: browsers send the cookie to this domain and every host below it.
    ///
    /// After a change of `Domain` or `Path`, browsers keep the former cookie beside the new one, and send both.
    /// The layer accepts neither of two different cookies, because one may have been planted. A sign-in
    /// removes the former cookie: at once if `Domain` was added, and for other changes once the browser
    /// has sent both. [`former`](Self::former) also removes it at the first sign-out.
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
    /// With `Strict`, a request that follows a link from another site carries no cookie, so a signed-in
    /// user is treated as a visitor. GET handlers must then not store data for visitors.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.0.same_site = same_site;
        self
    }

    /// Adds `Partitioned` (CHIPS), for an application that other sites show in a frame: the browser keeps a
    /// cookie of its own for each of these sites, and a user signs in once in each. Also needs
    /// `SameSite=None`, because a frame's requests come from another site. Requires `Secure`.
    ///
    /// A browser that does not know `Partitioned` keeps one cookie for all sites, or none if it blocks cookies
    /// of other sites. A sign-in removes the cookie that was set without `Partitioned` before. To remove a
    /// partitioned cookie after this was turned off, name it with [`former`](Self::former).
    pub fn partitioned(mut self) -> Self {
        self.0.is_partitioned = true;
        self
    }

    /// Names a cookie that the application has set before a change of the name, `Domain`, `Path` or
    /// `Partitioned`. Every sign-in and sign-out removes it. May be called several times, and removed when the
    /// former cookies have expired.
    ///
    /// ```
    /// use auth_core::{CookieBuilder, InvalidCookie};
    ///
    /// let former = CookieBuilder::new("sid").domain("example.com").build()?;
    /// let cookie = CookieBuilder::new("__Host-session").former(former).build()?;
    /// # Ok::<(), InvalidCookie>(())
    /// ```
    ///
    /// The former cookie no longer authenticates its user, who has to sign in again.
    pub fn former(mut self, cookie: CookiePolicy) -> Self {
        self.0.former.push(cookie);
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
        let CookiePolicy { name, domain, path, same_site, channel, is_partitioned, former: _ } =
            &self.0;
        let prefixed = |prefix: &str| has_prefix(name, prefix);
        let secure = *channel == Channel::Tls;
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(InvalidCookie::Name);
        }
        if name.len() + ROOM_FOR_VALUE > MAX_NAME_AND_VALUE {
            return Err(InvalidCookie::TooLong);
        }
        let host_only = secure && domain.is_none() && &**path == "/";
        if self.0.is_host_prefixed() && !host_only {
            return Err(InvalidCookie::HostPrefix);
        }
        if (prefixed("__Secure-") || prefixed("__Http-")) && !secure {
            return Err(InvalidCookie::SecurePrefix);
        }
        if *same_site == SameSite::None && !secure {
            return Err(InvalidCookie::SameSiteNone);
        }
        if *is_partitioned && !secure {
            return Err(InvalidCookie::Partitioned);
        }
        if !is_path(path) {
            return Err(InvalidCookie::Path);
        }
        if domain.as_deref().is_some_and(|domain| !is_domain(domain)) {
            return Err(InvalidCookie::Domain);
        }
        Ok(self.0)
    }
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 6265bis section 4.1.1.
fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// Browsers compare prefixes without case (RFC 6265bis section 4.1.3).
fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && is_attribute(path)
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
    /// `Partitioned` requires `Secure`.
    Partitioned,
    /// The path does not start with `/`, is longer than 1024 bytes, or holds `;` or bytes outside printable ASCII.
    Path,
    /// The domain is not a host name.
    Domain,
    /// Name and value together are longer than 4096 bytes, or the name leaves less than 1024 bytes for a value.
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
            Self::Partitioned => "Partitioned requires Secure",
            Self::Path => {
                "a cookie path must start with / and have at most 1024 bytes of printable ASCII without ;"
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

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    #[test]
    fn a_lifetime_is_written_for_old_and_new_clients() {
        let policy = CookiePolicy::host("session").unwrap();
        let cookie = policy.set_cookie("v", Some(Duration::from_secs(60)), NOW).unwrap();
        let lifetime = "; Max-Age=60; Expires=Tue, 14 Nov 2023 22:14:20 GMT";
        assert!(cookie.to_str().unwrap().ends_with(lifetime), "{cookie:?}");
        let late = policy.set_cookie("v", Some(Duration::from_secs(60)), Timestamp::MAX).unwrap();
        assert!(late.to_str().unwrap().ends_with("; Max-Age=60"), "no date that far");
    }

    fn scopes(policy: &CookiePolicy, host: &str, path: &str) -> Vec<String> {
        let removals = policy.removals_of_other_scopes(host, path);
        let attribute = |text: &str, name: &str| {
            let found = text.split("; ").find_map(|part| part.strip_prefix(name));
            found.unwrap_or("-").to_owned()
        };
        let texts = removals.iter().map(|value| value.to_str().unwrap());
        texts.map(|it| format!("{} {}", attribute(it, "Domain="), attribute(it, "Path="))).collect()
    }

    #[test]
    fn every_other_scope_of_a_cookie_is_removed() {
        let host_only = CookieBuilder::new("a").build().unwrap();
        let domain = CookieBuilder::new("a").domain("Example.com").build().unwrap();
        let host = "shop.example.com:8443";
        assert_eq!(scopes(&host_only, host, "/"), ["shop.example.com /", "example.com /"]);
        assert_eq!(scopes(&domain, host, "/"), ["- /", "shop.example.com /"]);
        for host in ["localhost", "127.0.0.1:3000", "[::1]:3000", "", "a b.c", "x;y.example"] {
            assert!(scopes(&host_only, host, "/").is_empty(), "{host}");
        }
        let nested = ["- /app/login", "- /app", "- /app/"];
        assert_eq!(scopes(&host_only, "localhost", "/app/login"), nested);
        let deepest = "/a/b/c/d".to_owned();
        assert!(scopes(&host_only, "localhost", &deepest).contains(&format!("- {deepest}")));
        assert!(scopes(&host_only, &"a.".repeat(100), &"/a".repeat(100)).len() < 25);
        assert!(scopes(&CookiePolicy::host("a").unwrap(), host, "/app").is_empty());
    }

    #[test]
    fn sec_25_27_28_the_default_cookie_has_every_attribute() {
        let policy = CookiePolicy::host("session").unwrap();
        assert_eq!(
            policy.set_cookie("v", None, NOW).unwrap(),
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
            (new("a").insecure_http().partitioned(), InvalidCookie::Partitioned),
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
        assert!(policy.set_cookie(&"x".repeat(room), None, NOW).is_ok());
        assert_eq!(
            policy.set_cookie(&"x".repeat(room + 1), None, NOW),
            Err(InvalidCookie::TooLong)
        );
    }

    #[test]
    fn a_partitioned_cookie_is_removed_from_its_partition_and_outside_of_it() {
        let cookie = CookieBuilder::new("__Host-a").same_site(SameSite::None).partitioned();
        let policy = cookie.build().unwrap();
        let is_partitioned = |value: &HeaderValue| {
            let text = value.to_str().unwrap();
            text.split("; ").any(|part| part == "Partitioned")
        };
        assert!(is_partitioned(&policy.set_cookie("v", None, NOW).unwrap()));
        assert!(is_partitioned(&policy.removal_cookie()));
        assert_eq!(
            policy.former_removals().iter().map(is_partitioned).collect::<Vec<_>>(),
            [false]
        );

        let policy = CookieBuilder::new("a").partitioned().build().unwrap();
        let others = policy.removals_of_other_scopes("shop.example.com", "/");
        let others: Vec<_> = others.iter().map(is_partitioned).collect();
        assert_eq!(others, [false, false, true, true]);
        let many = policy.removals_of_other_scopes("a.b.c.d.example.com", "/a/b/c/d/e/f");
        assert_eq!(many.len(), 24);
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
            let header = policy.set_cookie("v", Some(Duration::from_secs(secs)), NOW).unwrap();
            let (_, age) = header.to_str().unwrap().split_once("Max-Age=").unwrap();
            let age: u64 = age.split(';').next().unwrap().parse().unwrap();
            prop_assert_eq!(age, secs.min(34_560_000));
        }

        #[test]
        fn no_value_breaks_out_of_the_header(value: String) {
            let policy = CookiePolicy::host("session").unwrap();
            if let Ok(header) = policy.set_cookie(&value, None, NOW) {
                let parts = header.to_str().unwrap().split(';').count();
                prop_assert_eq!(parts, 5, "name=value and four attributes");
            }
        }
    }
}
