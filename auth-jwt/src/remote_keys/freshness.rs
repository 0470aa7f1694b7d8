//! For how long a response may be used, by its own headers (RFC 9111 section 4.2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use auth_core::Timestamp;
use headers::{Age, CacheControl, Date, Expires, HeaderMapExt as _};
use http::{HeaderMap, header};

/// Returns for how long a response may be used from now on, or `None` if its headers do not say.
///
/// A header that cannot be read is ignored, except `Expires`, which then means that the response has
/// expired (RFC 9111 section 5.3).
pub(super) fn lifetime(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let control: Option<CacheControl> = headers.typed_get();
    if control.as_ref().is_some_and(|control| control.no_store() || control.no_cache()) {
        return Some(Duration::ZERO);
    }
    let age =
        headers.typed_get().map_or(Duration::ZERO, |age: Age| Duration::from_secs(age.as_secs()));
    let max_age = control.and_then(|control| control.max_age());
    let lifetime = max_age.or_else(|| expires(headers, now))?;
    Some(lifetime.saturating_sub(age))
}

fn expires(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if !headers.contains_key(header::EXPIRES) {
        return None;
    }
    let Some(expires) = headers.typed_get::<Expires>() else { return Some(Duration::ZERO) };
    let now = UNIX_EPOCH + Duration::from_millis(now.as_millis());
    let date = headers.typed_get::<Date>().map_or(now, SystemTime::from);
    Some(SystemTime::from(expires).duration_since(date).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT

    fn seconds(lines: &[(HeaderName, &'static str)]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.insert(name, HeaderValue::from_static(value));
        }
        lifetime(&headers, NOW).map(|lifetime| lifetime.as_secs())
    }

    #[test]
    fn r03_the_lifetime_is_that_of_the_headers() {
        use header::{AGE, CACHE_CONTROL, DATE, EXPIRES};
        assert_eq!(seconds(&[]), None);
        assert_eq!(seconds(&[(CACHE_CONTROL, "public, max-age=900")]), Some(900));
        assert_eq!(
            seconds(&[(CACHE_CONTROL, "max-age=15, stale-while-revalidate=15, stale-if-error=15")]),
            Some(15)
        );
        assert_eq!(seconds(&[(CACHE_CONTROL, "max-age=900"), (AGE, "600")]), Some(300));
        assert_eq!(seconds(&[(CACHE_CONTROL, "max-age=900"), (AGE, "1000")]), Some(0));
        assert_eq!(seconds(&[(CACHE_CONTROL, "no-store")]), Some(0));
        assert_eq!(seconds(&[(CACHE_CONTROL, "no-cache, max-age=900")]), Some(0));
        let at_half_past = "Sun, 06 Nov 1994 09:19:37 GMT";
        assert_eq!(seconds(&[(EXPIRES, at_half_past)]), Some(1800));
        assert_eq!(
            seconds(&[(EXPIRES, at_half_past), (DATE, "Sun, 06 Nov 1994 09:18:37 GMT")]),
            Some(60)
        );
        assert_eq!(
            seconds(&[(EXPIRES, at_half_past), (CACHE_CONTROL, "max-age=5")]),
            Some(5),
            "`max-age` comes first"
        );
    }

    #[test]
    fn r03_wrong_headers_are_ignored() {
        use header::{AGE, CACHE_CONTROL, EXPIRES};
        assert_eq!(seconds(&[(CACHE_CONTROL, "max-age=soon")]), None);
        assert_eq!(seconds(&[(CACHE_CONTROL, "max-age=-1")]), None);
        assert_eq!(seconds(&[(CACHE_CONTROL, "max-age=99999999999999999999999")]), None);
        assert_eq!(seconds(&[(CACHE_CONTROL, "max-age=900"), (AGE, "old")]), Some(900));
        assert_eq!(seconds(&[(EXPIRES, "0")]), Some(0));
    }
}
