//! What a request's authentication adds to its response.

use std::fmt;

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, header};

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What the response will carry: cookies by name, and what goes with a credential.
#[derive(Clone, Default)]
pub struct ResponseEffects {
    cookies: Vec<(Box<str>, HeaderValue)>,
    clear_site_data: Option<HeaderValue>,
    credential: bool,
}

/// Cookies by name only: their values are secrets.
impl fmt::Debug for ResponseEffects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.cookies.iter().map(|(name, _)| name).collect();
        f.debug_struct("ResponseEffects").field("cookies", &names).finish_non_exhaustive()
    }
}

impl ResponseEffects {
    /// Queues a `Set-Cookie` value; the last one of a name wins.
    pub fn set_cookie(&mut self, name: &str, value: HeaderValue) {
        self.cookies.retain(|(queued, _)| **queued != *name);
        self.cookies.push((name.into(), value));
        self.credential = true;
    }

    /// The response hands out a credential in its body, so nobody may store it.
    pub fn credential_in_body(&mut self) {
        self.credential = true;
    }

    /// Asks the browser to forget what it keeps of this site (the `Clear-Site-Data` header).
    pub fn clear_site_data(&mut self, value: HeaderValue) {
        self.clear_site_data = Some(value);
    }

    /// Forgets everything that was queued.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Writes the queued headers. With a credential goes `Cache-Control: no-store` (RFC 6749
    /// section 5.1), in the place of anything that allows more.
    pub(crate) fn write(&mut self, headers: &mut HeaderMap) {
        let Self { cookies, clear_site_data, credential } = std::mem::take(self);
        for (_, cookie) in cookies {
            headers.append(header::SET_COOKIE, cookie);
        }
        if let Some(value) = clear_site_data {
            headers.insert(CLEAR_SITE_DATA, value);
        }
        if credential && !forbids_storing(headers) {
            headers.insert(header::CACHE_CONTROL, NO_STORE);
        }
    }
}

fn forbids_storing(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CACHE_CONTROL).into_iter();
    values.flat_map(directives).any(|directive| directive.eq_ignore_ascii_case(b"no-store"))
}

/// Adds to `Vary` what is not in it yet.
pub(crate) fn vary(headers: &mut HeaderMap, by: HeaderValue) {
    match headers.entry(header::VARY) {
        Entry::Vacant(entry) => drop(entry.insert(by)),
        Entry::Occupied(mut entry) => {
            let said = |name: &[u8]| {
                let mut listed = entry.iter().flat_map(directives);
                listed.any(|listed| listed == b"*" || listed.eq_ignore_ascii_case(name))
            };
            if !directives(&by).all(said) {
                entry.append(by);
            }
        }
    }
}

fn directives(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cache_control: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(value) = cache_control {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(value));
        }
        let mut effects = ResponseEffects::default();
        effects.set_cookie("a", HeaderValue::from_static("a=1"));
        effects.set_cookie("a", HeaderValue::from_static("a=2"));
        effects.write(&mut headers);
        headers
    }

    #[test]
    fn sec_44_a_credential_is_never_stored_by_caches() {
        assert_eq!(written(None)["cache-control"], "no-store");
        assert_eq!(written(Some("public, max-age=60"))["cache-control"], "no-store");
        let strict = "private, No-Store, max-age=0";
        assert_eq!(written(Some(strict))["cache-control"], strict, "stricter ones stand");
    }

    #[test]
    fn the_last_cookie_of_a_name_wins() {
        let headers = written(None);
        let cookies: Vec<_> = headers.get_all(header::SET_COOKIE).iter().collect();
        assert_eq!(cookies, ["a=2"]);
    }

    #[test]
    fn vary_is_said_once() {
        let mut headers = HeaderMap::new();
        vary(&mut headers, HeaderValue::from_static("cookie"));
        vary(&mut headers, HeaderValue::from_static("Cookie"));
        assert_eq!(headers.get_all(header::VARY).iter().count(), 1);
        vary(&mut headers, HeaderValue::from_static("authorization, cookie"));
        assert_eq!(headers.get_all(header::VARY).iter().count(), 2);
    }
}
