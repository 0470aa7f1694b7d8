//! [`ResponseEffects`]: the headers that authentication adds to a response.
//!
//! Handlers and backends queue them while the request runs. The layer writes them when the response's head
//! is sent, together with `Vary`.

use std::fmt;
use std::mem;

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::cookie::CookiePolicy;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// The headers that authentication adds to a response: cookies, `Clear-Site-Data`, and the
/// `Cache-Control` of responses that contain a credential.
#[derive(Clone, Default)]
pub struct ResponseEffects {
    cookies: Vec<(Box<str>, HeaderValue)>,
    /// Removals of cookies of the same name in other scopes.
    others: Vec<(Box<str>, HeaderValue)>,
    clear_site_data: Option<HeaderValue>,
    carries_credential: bool,
    sets_cookie: bool,
    credential_in_body: bool,
}

/// Shows the names of cookies only, because their values are secrets.
impl fmt::Debug for ResponseEffects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.cookies.iter().map(|(name, _)| name).collect();
        f.debug_struct("ResponseEffects").field("cookies", &names).finish_non_exhaustive()
    }
}

impl ResponseEffects {
    /// Queues a `Set-Cookie` value of this policy that carries a credential. It replaces an earlier one
    /// with the same name.
    ///
    /// Cookies from before the present configuration are removed: those that the policy
    /// [names](crate::CookieBuilder::former), and if it has a `Domain`, the cookie of the same name for this
    /// host alone. The browser would send both.
    pub fn set_cookie(&mut self, policy: &CookiePolicy, value: HeaderValue) {
        self.remove_cookie(policy, value);
        self.sets_cookie = true;
    }

    /// Queues a `Set-Cookie` value of this policy that removes the cookie. It replaces an earlier one
    /// with the same name.
    pub fn remove_cookie(&mut self, policy: &CookiePolicy, removal: HeaderValue) {
        self.queue(policy.name().into(), removal);
        self.remove_former_cookies(policy);
    }

    /// Queues the removal of the cookies from before the present configuration of this policy.
    pub fn remove_former_cookies(&mut self, policy: &CookiePolicy) {
        self.remove_others(policy.name(), policy.former_removals());
    }

    fn queue(&mut self, name: Box<str>, value: HeaderValue) {
        self.cookies.retain(|(queued, _)| *queued != name);
        self.cookies.push((name, value));
        self.carries_credential = true;
    }

    /// Queues removals of cookies of this name in other scopes.
    pub(crate) fn remove_others(
        &mut self,
        name: &str,
        removals: impl IntoIterator<Item = HeaderValue>,
    ) {
        for removal in removals {
            if !self.others.iter().any(|(_, queued)| *queued == removal) {
                self.others.push((name.into(), removal));
            }
        }
    }

    /// Declares that the response's body holds a credential, so caches must not store it.
    pub fn credential_in_body(&mut self) {
        self.carries_credential = true;
        self.credential_in_body = true;
    }

    /// Queues the `Clear-Site-Data` header, by which the browser deletes the data of this site.
    pub fn clear_site_data(&mut self, value: HeaderValue) {
        self.clear_site_data = Some(value);
    }

    /// Removes everything that was queued.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns whether the response's body holds a credential.
    pub(super) fn has_credential_in_body(&self) -> bool {
        self.credential_in_body
    }

    /// Returns whether a cookie is queued that carries a credential.
    pub(super) fn sets_cookie(&self) -> bool {
        self.sets_cookie
    }

    /// Adds what an operation queued.
    pub(super) fn add(&mut self, later: Self) {
        for (name, value) in later.cookies {
            self.queue(name, value);
        }
        for (name, removal) in later.others {
            self.remove_others(&name, [removal]);
        }
        self.clear_site_data = later.clear_site_data.or(self.clear_site_data.take());
        self.carries_credential |= later.carries_credential;
        self.sets_cookie |= later.sets_cookie;
        self.credential_in_body |= later.credential_in_body;
    }

    /// Writes the queued headers. A response with a credential gets `Cache-Control: no-store` (RFC 6749
    /// section 5.1), which replaces anything less strict.
    pub(crate) fn write(&mut self, headers: &mut HeaderMap) {
        let Self { cookies, others, clear_site_data, carries_credential, .. } = mem::take(self);
        // The removals go first: a simple client keeps the last cookie of a name.
        for (_, cookie) in others.into_iter().chain(cookies) {
            headers.append(header::SET_COOKIE, cookie);
        }
        if let Some(value) = clear_site_data {
            headers.insert(CLEAR_SITE_DATA, value);
        }
        if carries_credential && !forbids_storing(headers) {
            headers.insert(header::CACHE_CONTROL, NO_STORE);
        }
    }
}

fn forbids_storing(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).into_iter();
    values.flat_map(directives).any(|directive| directive.eq_ignore_ascii_case(b"no-store"))
}

/// Adds the names of `by` to `Vary`, unless all of them are listed.
pub(crate) fn vary(headers: &mut HeaderMap, by: HeaderValue) {
    match headers.entry(header::VARY) {
        Entry::Vacant(entry) => drop(entry.insert(by)),
        Entry::Occupied(mut entry) => {
            let is_listed = |name: &[u8]| {
                let mut listed = entry.iter().flat_map(directives);
                listed.any(|listed| listed == b"*" || listed.eq_ignore_ascii_case(name))
            };
            if !directives(&by).all(is_listed) {
                entry.append(by);
            }
        }
    }
}

/// Returns the elements of a header value that is a list.
pub(crate) fn directives(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookie::CookieBuilder;

    fn written(cache_control: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(value) = cache_control {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
        }
        let mut effects = ResponseEffects::default();
        let policy = CookieBuilder::new("a").build().unwrap();
        effects.set_cookie(&policy, HeaderValue::from_static("a=1"));
        effects.set_cookie(&policy, HeaderValue::from_static("a=2"));
        effects.write(&mut headers);
        headers
    }

    #[test]
    fn sec_44_caches_never_store_a_credential() {
        assert_eq!(written(None)["cache-control"], "no-store");
        assert_eq!(written(Some("public, max-age=60"))["cache-control"], "no-store");
        let strict = "private, No-Store, max-age=0";
        assert_eq!(written(Some(strict))["cache-control"], strict, "a stricter header is kept");
    }

    #[test]
    fn the_last_cookie_of_a_name_wins() {
        let headers = written(None);
        let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=2"]);
    }

    #[test]
    fn vary_is_added_once() {
        let mut headers = HeaderMap::new();
        vary(&mut headers, HeaderValue::from_static("cookie"));
        vary(&mut headers, HeaderValue::from_static("Cookie"));
        assert_eq!(headers.get_all(header::VARY).iter().count(), 1);
        vary(&mut headers, HeaderValue::from_static("authorization, cookie"));
        assert_eq!(headers.get_all(header::VARY).iter().count(), 2);
    }
}
