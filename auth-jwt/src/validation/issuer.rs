//! [`IssuerTemplate`], a pattern for the names of issuers that differ in one part, such as a tenant.

use std::fmt;
use std::sync::Arc;

/// A name with one placeholder, such as `https://login.microsoftonline.com/{tenantid}/v2.0`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct IssuerTemplate {
    text: Arc<str>,
    /// Where the placeholder begins and ends.
    placeholder: (usize, usize),
}

impl IssuerTemplate {
    /// Reads a template. Returns `None` unless it has exactly one placeholder: a name in braces.
    pub(crate) fn parse(text: Arc<str>) -> Option<Self> {
        let (open, close) = (text.find('{')?, text.find('}')?);
        let is_name =
            |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        let name = text.get(open + 1..close)?;
        let one = text.matches(['{', '}']).count() == 2;
        (one && is_name(name)).then_some(Self { text, placeholder: (open, close + 1) })
    }

    /// Returns the template as it was written.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Returns what is before and after the placeholder.
    pub(crate) fn parts(&self) -> (&str, &str) {
        (&self.text[..self.placeholder.0], &self.text[self.placeholder.1..])
    }

    /// Returns whether an issuer has a name of this form. The placeholder stands for 1 to 128 letters, digits
    /// and `-._~`, and not for a `.` in front: no text leads to another host or path (RFC 3986 section 2.3).
    pub(crate) fn matches(&self, issuer: &str) -> bool {
        let (before, after) = self.parts();
        let value = issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        value.is_some_and(|value| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
            (1..=128).contains(&value.len())
                && !value.starts_with('.')
                && value.bytes().all(allowed)
        })
    }
}

impl fmt::Debug for IssuerTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r12_a_template_has_one_placeholder() {
        for wrong in ["", "https://a", "{}", "{a}{b}", "{a", "a}", "}a{", "{a b}", "{{a}}", "{a/b}"]
        {
            assert_eq!(IssuerTemplate::parse(wrong.into()), None, "{wrong}");
        }
    }

    #[test]
    fn r12_a_placeholder_stands_for_one_part_of_a_name() {
        let template = IssuerTemplate::parse("https://a.example/{tenant}/v2.0".into()).unwrap();
        for value in ["1", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "shop.example", "A_b~c", "a..b"]
        {
            assert!(template.matches(&format!("https://a.example/{value}/v2.0")), "{value}");
        }
        let long = "x".repeat(129);
        for value in [
            "", ".", "..", ".a", "a/b", "a%2Fb", "a?b", "a#b", "a@b", "a:b", "{tenant}", "é", &long,
        ] {
            assert!(!template.matches(&format!("https://a.example/{value}/v2.0")), "{value}");
        }
        for other in
            ["https://a.example/v2.0", "https://a.example//v2.0", "https://b.example/1/v2.0", ""]
        {
            assert!(!template.matches(other), "{other}");
        }
    }
}
