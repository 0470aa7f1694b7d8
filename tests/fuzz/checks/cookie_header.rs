//! Arbitrary lines as `Cookie` headers.
//!
//! The header is scanned for one name without parsing the rest. A simpler reader must find the same.

use auth_core::{RequestCookie, RequestHead};
use http::{HeaderValue, Request, header};

const NAME: &str = "__Host-session";

/// Checks that the cookie that is found is the one that a simpler reader finds. Returns whether there is
/// exactly one.
pub(crate) fn check(data: &[u8]) -> bool {
    let mut request = Request::new(());
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return false };
        request.headers_mut().append(header::COOKIE, value);
    }
    let pairs = data.split(|byte| [b'\n', b';'].contains(byte)).map(<[u8]>::trim_ascii);
    let values = pairs.filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        (pair[..equals] == *NAME.as_bytes()).then(|| &pair[equals + 1..])
    });
    let expected = match *values.collect::<Vec<_>>() {
        [] => RequestCookie::Absent,
        [value] => RequestCookie::One(value),
        _ => RequestCookie::Many,
    };
    assert!(RequestHead::from(&request).cookie(NAME) == expected);
    matches!(expected, RequestCookie::One(_))
}
