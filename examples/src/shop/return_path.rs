//! Where to go after a form was sent.

/// The path to go to: `next` if it is a path on this host, otherwise `/`.
///
/// An open redirect is what phishing needs (OWASP ASVS 3.7.2), and browsers read `//evil` and
/// `/\evil` as another host, and drop tabs and newlines before they look. So it is one slash, not
/// followed by another, and visible ASCII without `\`.
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
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if rooted && plain { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_42_other_hosts_are_refused() {
        let refused = [
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
        for next in refused {
            assert_eq!(return_path(next), "/", "{next:?}");
        }
    }

    #[test]
    fn paths_of_this_host_stay() {
        for next in ["/", "/cart", "/cart?a=b&c=//d", "/a//b", "/%5Cevil", "/@evil", "/cart#top"] {
            assert_eq!(return_path(next), next);
        }
    }
}
