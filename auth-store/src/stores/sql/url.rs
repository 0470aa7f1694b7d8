//! What a URL may say.

use super::setup_error::SqlSetupError;

/// Refuses an option that would be passed over in silence: it may be one that security hangs on,
/// written in another way. A key that is encoded is none of these.
pub(super) fn only_known(url: &str, known: &[&str]) -> Result<(), SqlSetupError> {
    let (before_fragment, _) = url.split_once('#').unwrap_or((url, ""));
    let Some((_, query)) = before_fragment.split_once('?') else { return Ok(()) };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, _) = pair.split_once('=').unwrap_or((pair, ""));
        let stands = |known: &str| match known.strip_suffix("[]") {
            Some(name) => key.strip_prefix(name).is_some_and(is_bracketed),
            None => key == known,
        };
        if !known.iter().any(|known| stands(known)) {
            return Err(SqlSetupError::Url(unknown(key, query).into()));
        }
    }
    Ok(())
}

fn is_bracketed(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']')
}

/// Names the key. What may be the rest of a password, after a `?` in it, is not repeated.
fn unknown(key: &str, query: &str) -> String {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if query.contains('@') || !key.bytes().all(is_name) {
        return "what follows its ? are not options (in a password, ? is written as %3F)"
            .to_owned();
    }
    format!("it has an option that is not known: {key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["sslmode", "options", "options[]"];

    fn said(url: &str) -> Option<String> {
        match only_known(url, KNOWN) {
            Ok(()) => None,
            Err(SqlSetupError::Url(error)) => Some(error.to_string()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn known_options_pass() {
        for query in ["", "?", "?sslmode=a", "?sslmode=a&options=b&options[c]=d", "?options[c]=a@b"]
        {
            assert_eq!(said(&format!("postgres://a:b@h/d{query}#x?y=z")), None, "{query}");
        }
    }

    #[test]
    fn an_unknown_one_is_named_without_its_value() {
        for (query, key) in [
            ("sslpassword=hunter2", "sslpassword"),
            ("sslmode=a&ssl_mode=hunter2", "ssl_mode"),
            ("SSLMODE=hunter2", "SSLMODE"),
            ("sslMode", "sslMode"),
        ] {
            let said = said(&format!("postgres://a:b@h/d?{query}")).expect("it is not known");
            assert!(said.ends_with(key) && !said.contains("hunter2"), "{said}");
        }
        for query in ["%73slmode=a", "options[a=b", "ssl mode=a", "=a"] {
            assert!(said(&format!("postgres://a:b@h/d?{query}")).is_some(), "{query}");
        }
    }

    #[test]
    fn the_rest_of_a_password_is_not_repeated() {
        for url in ["mysql://a:b?hunter2@h/d", "mysql://a:b?hunter2=c@h/d", "mysql://a:?hunter2&@h"]
        {
            let said = said(url).expect("it is no option");
            assert!(!said.contains("hunter2") && said.contains("%3F"), "{said}");
        }
    }
}
