//! Finding one cookie in a request, by its exact name.

use std::fmt;

use http::{HeaderMap, header};

/// What a request says under one cookie name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RequestCookie<'a> {
    /// No cookie of this name.
    Absent,
    /// Its value, unparsed.
    One(&'a [u8]),
    /// More than one: somebody may have planted one, so none counts.
    Many,
}

/// Without the value: it may be a secret.
impl fmt::Debug for RequestCookie<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "Absent",
            Self::One(_) => "One(..)",
            Self::Many => "Many",
        })
    }
}

/// Scans for `name` only. Names are case-sensitive, and a nameless cookie (`=__Host-a=b`) has no
/// name that could be ours (RFC 6265bis section 4.1.3 and 5.6).
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &str) -> RequestCookie<'a> {
    let mut found = RequestCookie::Absent;
    for line in headers.get_all(header::COOKIE) {
        let mut rest = line.as_bytes();
        loop {
            let (pair, next) = match memchr::memchr(b';', rest) {
                Some(end) => (&rest[..end], Some(&rest[end + 1..])),
                None => (rest, None),
            };
            if let Some(value) = value_of(pair, name) {
                match found {
                    RequestCookie::Absent => found = RequestCookie::One(value),
                    _ => return RequestCookie::Many,
                }
            }
            match next {
                Some(next) => rest = next,
                None => break,
            }
        }
    }
    found
}

fn value_of<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let pair = pair.trim_ascii();
    pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(lines: &[&[u8]]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_bytes(line).unwrap())).collect()
    }

    #[test]
    fn the_cookie_is_found_wherever_it_stands() {
        for line in [&b"sid=x"[..], b"a=b; sid=x", b"sid=x; a=b", b"a=b;sid=x;c=d", b"; ;sid=x"] {
            assert_eq!(find(&headers(&[line]), "sid"), RequestCookie::One(b"x"));
        }
        assert_eq!(find(&headers(&[b"a=b", b"sid=x"]), "sid"), RequestCookie::One(b"x"));
    }

    #[test]
    fn sec_32_other_names_that_look_like_it_are_ignored() {
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
            assert_eq!(find(&headers(&[line]), "__Host-sid"), RequestCookie::Absent);
        }
    }

    #[test]
    fn sec_34_two_of_one_name_are_many() {
        assert_eq!(find(&headers(&[b"sid=x; sid=x"]), "sid"), RequestCookie::Many);
        assert_eq!(find(&headers(&[b"sid=x", b"sid=y"]), "sid"), RequestCookie::Many);
    }

    proptest! {
        /// Agrees with the `cookie` crate's parser on what a well-formed header says.
        #[test]
        fn agrees_with_a_full_parser(
            pairs in proptest::collection::vec(("[a-c]{1,2}", "[a-z0-9]{0,6}"), 0..8),
        ) {
            let line = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("; ");
            let headers = headers(&[line.as_bytes()]);
            let ours = find(&headers, "a");
            let parsed: Vec<_> = cookie::Cookie::split_parse(line.as_str())
                .flatten()
                .filter(|cookie| cookie.name() == "a")
                .map(|cookie| cookie.value().to_owned())
                .collect();
            match parsed.as_slice() {
                [] => prop_assert_eq!(ours, RequestCookie::Absent),
                [one] => prop_assert_eq!(ours, RequestCookie::One(one.as_bytes())),
                _ => prop_assert_eq!(ours, RequestCookie::Many),
            }
        }

        #[test]
        fn any_header_is_scanned_without_panic(line in proptest::collection::vec(32u8..=255, 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                find(&std::iter::once((header::COOKIE, value)).collect(), "a");
            }
        }
    }
}
