//! The check of the options in a URL, for PostgreSQL and MySQL.
//!
//! sqlx ignores options that it does not know. A misspelt option may be the one that requires TLS, so
//! the stores reject unknown ones.

use super::error::SqlSetupError;

/// Rejects options that sqlx would ignore. A percent-encoded name counts as unknown.
pub(super) fn reject_unknown_options(url: &str, known: &[&str]) -> Result<(), SqlSetupError> {
    let (before_fragment, _) = url.split_once('#').unwrap_or((url, ""));
    let Some((_, query)) = before_fragment.split_once('?') else { return Ok(()) };
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, _) = pair.split_once('=').unwrap_or((pair, ""));
        let matches = |known: &str| match known.strip_suffix("[]") {
            Some(name) => key.strip_prefix(name).is_some_and(is_bracketed),
            None => key == known,
        };
        if !known.iter().any(|known| matches(known)) {
            return Err(SqlSetupError::Url(describe(key, query).into()));
        }
    }
    Ok(())
}

fn is_bracketed(text: &str) -> bool {
    text.starts_with('[') && text.ends_with(']')
}

/// Describes the error with the name of the option, unless it may be the rest of a password that
/// contains a `?`.
fn describe(key: &str, query: &str) -> String {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if query.contains('@') || !key.bytes().all(is_name) {
        return "the text after its `?` is not a list of options (write ? as %3F in a password)"
            .to_owned();
    }
    format!("unknown option: {key}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["sslmode", "options", "options[]"];

    fn error_of(url: &str) -> Option<String> {
        match reject_unknown_options(url, KNOWN) {
            Ok(()) => None,
            Err(SqlSetupError::Url(error)) => Some(error.to_string()),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn known_options_are_accepted() {
        for query in ["", "?", "?sslmode=a", "?sslmode=a&options=b&options[c]=d", "?options[c]=a@b"]
        {
            assert_eq!(error_of(&format!("postgres://a:b@h/d{query}#x?y=z")), None, "{query}");
        }
    }

    #[test]
    fn an_unknown_option_is_named_without_its_value() {
        for (query, key) in [
            ("sslpassword=hunter2", "sslpassword"),
            ("sslmode=a&ssl_mode=hunter2", "ssl_mode"),
            ("SSLMODE=hunter2", "SSLMODE"),
            ("sslMode", "sslMode"),
        ] {
            let error = error_of(&format!("postgres://a:b@h/d?{query}")).expect("an error");
            assert!(error.ends_with(key) && !error.contains("hunter2"), "{error}");
        }
        for query in ["%73slmode=a", "options[a=b", "ssl mode=a", "=a"] {
            assert!(error_of(&format!("postgres://a:b@h/d?{query}")).is_some(), "{query}");
        }
    }

    #[test]
    fn the_rest_of_a_password_is_not_repeated() {
        for url in ["mysql://a:b?hunter2@h/d", "mysql://a:b?hunter2=c@h/d", "mysql://a:?hunter2&@h"]
        {
            let error = error_of(url).expect("an error");
            assert!(!error.contains("hunter2") && error.contains("%3F"), "{error}");
        }
    }
}
