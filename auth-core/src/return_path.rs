//! [`ReturnPath`]: where to send the browser after a login.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use url::{Position, Url};

/// A path of this site, with its query: the page to return to after a login.
///
/// It comes from the request, so it is checked before the browser is redirected to it. Otherwise, a link to
/// the login page could lead to any other site (an open redirect, OWASP ASVS 3.7.2). The path is parsed as
/// browsers parse it (the [URL Standard](https://url.spec.whatwg.org/)): `//evil.example` and
/// `/\evil.example` are other sites. Control characters, such as tabs and newlines, are refused.
///
/// It is kept in the form that a `Location` header needs: characters other than ASCII are percent-encoded. It
/// has at most 2,048 bytes. Defaults to `/`. An empty text is deserialized as the default, because a form sends its
/// empty fields as well.
///
/// ```
/// use auth_core::ReturnPath;
///
/// #[derive(serde::Deserialize)]
/// struct Login {
///     name: String,
///     password: String,
///     #[serde(default)]
///     next: ReturnPath, // another site is an error: 400 or 422 with axum's extractors
/// }
///
/// assert_eq!("/cart?full=1".parse::<ReturnPath>().unwrap().as_str(), "/cart?full=1");
/// assert!("//evil.example".parse::<ReturnPath>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReturnPath(Box<str>);

const MAX_BYTES: usize = 2048;

/// The base against which a path is resolved: a host that no request has.
static BASE: LazyLock<Url> =
    LazyLock::new(|| Url::parse("http://this-site.invalid").expect("a valid URL"));

impl ReturnPath {
    /// Returns the path, with its query and fragment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path without its query and fragment.
    pub(crate) fn without_query(&self) -> &str {
        self.0.split(['?', '#']).next().unwrap_or_default()
    }
}

impl FromStr for ReturnPath {
    type Err = InvalidReturnPath;

    fn from_str(text: &str) -> Result<Self, InvalidReturnPath> {
        if !text.starts_with('/') || text.len() > MAX_BYTES || text.contains(char::is_control) {
            return Err(InvalidReturnPath);
        }
        let url = BASE.join(text).map_err(|_| InvalidReturnPath)?;
        let path = &url[Position::BeforePath..];
        // `/.//evil.example` is a path of this site, but its normal form would be another site.
        let elsewhere = url.origin() != BASE.origin() || path.starts_with("//");
        if elsewhere || path.len() > MAX_BYTES {
            Err(InvalidReturnPath)
        } else {
            Ok(Self(path.into()))
        }
    }
}

impl Default for ReturnPath {
    fn default() -> Self {
        Self("/".into())
    }
}

impl fmt::Display for ReturnPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ReturnPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for ReturnPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ReturnPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.parse().map_err(de::Error::custom)
    }
}

crate::error_with_message! {
    /// The text is not a [`ReturnPath`].
    pub struct InvalidReturnPath:
        "a return path must be a path of this site of at most {MAX_BYTES} bytes"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_42_a_path_of_another_site_is_rejected() {
        let rejected = [
            "",
            "//evil.example",
            "///evil.example",
            "//evil.example/cart",
            r"/\evil.example",
            r"\evil.example",
            r"\\evil.example",
            r"/\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\\evil.example",
            "/cart\r\nSet-Cookie: a=b",
            "/\0",
            "\t//evil.example",
            " //evil.example",
            "/.//evil.example",
            "/cart/..//evil.example",
            "/%2e//evil.example",
            "/%2E%2e/\t/evil.example",
            "https://evil.example",
            "HTTPS://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "evil.example",
            "cart",
            "?next",
            "#top",
        ];
        for text in rejected {
            assert_eq!(text.parse::<ReturnPath>(), Err(InvalidReturnPath), "{text:?}");
        }
        let long = |bytes| format!("/{}", "a".repeat(bytes - 1)).parse::<ReturnPath>();
        assert!(long(MAX_BYTES).is_ok());
        assert_eq!(long(MAX_BYTES + 1), Err(InvalidReturnPath));
        let encoded = format!("/{}", "\u{fc}".repeat(500));
        assert_eq!(
            encoded.parse::<ReturnPath>(),
            Err(InvalidReturnPath),
            "3,001 bytes in a header"
        );
    }

    #[test]
    fn a_path_of_this_site_is_kept() {
        let kept = ["/", "/cart", "/cart?a=b&c=//d", "/a//b", "/%5Cevil", "/@evil", "/cart#top"];
        for text in kept {
            assert_eq!(text.parse::<ReturnPath>().unwrap().as_str(), text);
        }
        for (text, normal) in [("/\u{fc}", "/%C3%BC"), ("/a b", "/a%20b"), ("/a/../b", "/b")] {
            assert_eq!(text.parse::<ReturnPath>().unwrap().as_str(), normal, "{text:?}");
        }
    }

    #[test]
    fn a_form_may_contain_a_path_of_this_site_only() {
        let read = |json: &str| serde_json::from_str::<ReturnPath>(json);
        assert_eq!(read(r#""/cart""#).unwrap(), "/cart".parse().unwrap());
        assert!(read(r#""\/\/evil.example""#).is_err());
        assert_eq!(read(r#""""#).unwrap(), ReturnPath::default(), "the login page had no `next`");
        assert_eq!(serde_json::to_string(&ReturnPath::default()).unwrap(), r#""/""#);
    }

    proptest::proptest! {
        /// What a browser makes of the path, on whatever page it is.
        #[test]
        fn a_return_path_never_leaves_the_site(text in "[/\\\\.:a%2eE?#\t\n@ ]{0,12}") {
            for text in [text.clone(), format!("/{text}")] {
                if let Ok(path) = text.parse::<ReturnPath>() {
                    let page = Url::parse("https://shop.example/login?next=a").unwrap();
                    let opened = page.join(path.as_str()).unwrap();
                    proptest::prop_assert_eq!(opened.origin(), page.origin());
                    proptest::prop_assert_eq!(path.as_str().parse(), Ok(path.clone()));
                    proptest::prop_assert!(http::HeaderValue::from_str(path.as_str()).is_ok());
                }
            }
        }
    }
}
