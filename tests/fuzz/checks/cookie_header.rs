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
        let value = &pair[equals + 1..];
        let quoted = value.len() > 1 && value.starts_with(b"\"") && value.ends_with(b"\"");
        let value = if quoted { &value[1..value.len() - 1] } else { value };
        (pair[..equals] == *NAME.as_bytes()).then_some(value)
    });
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values.dedup();
    let expected = match *values {
        [] => RequestCookie::Absent,
        [value] => RequestCookie::One(value),
        _ => RequestCookie::Many,
    };
    assert!(RequestHead::from(&request).cookie(NAME) == expected);
    matches!(expected, RequestCookie::One(_))
}
