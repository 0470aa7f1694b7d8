//! The path to redirect to after a form was sent.
//!
//! It comes from the form, so it is checked before the browser is redirected there.

/// Returns `next` if it is a path on this host, and `/` if not.
///
/// Prevents open redirects, which phishing relies on (OWASP ASVS 3.7.2). Browsers read `//evil` and
/// `/\evil` as another host, and remove tabs and newlines first. So a path must begin with exactly one
/// slash, and consist of visible ASCII characters other than `\`.
///
/// ```
/// use examples::shop::return_path;
///
/// assert_eq!(return_path("/cart?full=1"), "/cart?full=1");
/// assert_eq!(return_path("https://evil.example"), "/");
/// ```
#[must_use]
pub fn return_path(next: &str) -> &str {
    let rooted = next.starts_with('/') && !next.starts_with("//");
    let allowed = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if rooted && allowed { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_42_other_hosts_are_rejected() {
        let rejected = [
            "",
            "//evil",
            "///evil",
            "//evil.example/cart",
            r"/\evil",
            r"\evil",
            r"\\evil",
            "/\t/evil",
            "/\n/evil",
            "\t//evil",
            " //evil",
            "/cart\r\nSet-Cookie: a=b",
            "/\0",
            "https://evil.example",
            "HTTPS://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "evil.example",
            "cart",
            "?next",
            "/\u{2028}",
            "/ü",
        ];
        for next in rejected {
            assert_eq!(return_path(next), "/", "{next:?}");
        }
    }

    #[test]
    fn paths_on_this_host_are_kept() {
        for next in ["/", "/cart", "/cart?a=b&c=//d", "/a//b", "/%5Cevil", "/@evil", "/cart#top"] {
            assert_eq!(return_path(next), next);
        }
    }
}
