//! The options in a URL of a database.
//!
//! Hosting providers hand out URLs with the options of many drivers. Each option that is in use has
//! a meaning here: the driver applies it, the store does what it requests anyway, or the error names what to
//! write instead. A driver may ignore what it does not know, and a misspelt option may be the one that
//! requires TLS, so all others are rejected.

/// Options with the same meaning, and that meaning.
pub(super) type UrlOption = (&'static [&'static str], Meaning);

/// What an option means to a store. Each database needs some of the meanings.
#[cfg_attr(not(all(feature = "mysql", feature = "postgres", feature = "sqlite")), allow(dead_code))]
pub(super) enum Meaning {
    /// The driver applies it. A name that ends with `[]` stands for all names with text in the brackets.
    Applied,
    /// The driver applies it under this name.
    AppliedAs(&'static str),
    /// The driver applies these values; others are rejected with this advice.
    AppliedIf(&'static [&'static str], &'static str),
    /// The store does what these values request anyway; others are rejected with this advice.
    Met(&'static [&'static str], &'static str),
    /// The driver applies it, except this value, which is met next to this option.
    AppliedUnless(&'static str, &'static str, &'static str),
    /// Like `Met`. The last value is accepted only next to this option.
    MetWith(&'static [&'static str], &'static str, &'static str),
    /// The store does what the option requests anyway, whatever the value.
    AlwaysMet,
    /// A number of seconds, which the store applies.
    ConnectTimeout,
    /// It is rejected with this advice.
    Rejected(&'static str),
}

/// Returns the URL with the options that the driver applies, and rejects those that have no meaning here. A
/// percent-encoded name counts as unknown. An option that is set twice is rejected, because the second
/// value would undo the first.
pub(super) fn apply_options(url: &str, known: &[UrlOption]) -> Result<String, String> {
    let (before_fragment, _) = url.split_once('#').unwrap_or((url, ""));
    let (place, query) = before_fragment.split_once('?').unwrap_or((before_fragment, ""));
    let mut applied = Vec::new();
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_named = |(names, _): &&UrlOption| names.iter().any(|name| is_name_of(name, key));
        let Some((_, meaning)) = known.iter().find(is_named) else {
            return Err(describe(key, query));
        };
        if seen.contains(&meant_by(key)) {
            return Err(format!(
                "the option `{key}` is repeated, or set under another name as well"
            ));
        }
        seen.push(meant_by(key));
        let rejected = |advice: &str| Err(format!("the option `{key}` is rejected: {advice}"));
        let is_one_of = |values: &[&str]| values.iter().any(|it| it.eq_ignore_ascii_case(value));
        match meaning {
            Meaning::Applied => applied.push(pair.to_owned()),
            Meaning::AppliedAs(name) => applied.push(format!("{name}={value}")),
            Meaning::AppliedIf(values, _) if is_one_of(values) => applied.push(pair.to_owned()),
            Meaning::Met(values, _) if is_one_of(values) => {}
            Meaning::MetWith([values @ .., last], with, _)
                if is_one_of(values)
                    || (is_one_of(&[*last]) && query.split('&').any(|it| it == *with)) => {}
            Meaning::AppliedUnless(other, ..) if value != *other => applied.push(pair.to_owned()),
            Meaning::AppliedUnless(_, with, _) if query.split('&').any(|it| it == *with) => {}
            Meaning::AlwaysMet => {}
            Meaning::ConnectTimeout if value.parse::<u32>().is_ok() => {}
            Meaning::ConnectTimeout => return rejected("it is not a number of seconds"),
            Meaning::AppliedIf(_, advice)
            | Meaning::Met(_, advice)
            | Meaning::AppliedUnless(_, _, advice)
            | Meaning::MetWith(_, _, advice)
            | Meaning::Rejected(advice) => return rejected(advice),
        }
    }
    Ok(if applied.is_empty() { place.to_owned() } else { format!("{place}?{}", applied.join("&")) })
}

/// Returns one name for all names under which the driver applies the same option.
fn meant_by(key: &str) -> &str {
    match key {
        "fallback_application_name" => "application_name",
        "hostaddr" => "host",
        "search_path" => "options[search_path]",
        "ssl" => "tls",
        "ssl-ca" | "ssl-root-cert" | "sslca" => "sslrootcert",
        "ssl-cert" => "sslcert",
        "ssl-key" => "sslkey",
        "ssl-mode" => "sslmode",
        other => other,
    }
}

fn is_name_of(name: &str, key: &str) -> bool {
    match name.strip_suffix("[]") {
        Some(name) => {
            key.strip_prefix(name).is_some_and(|rest| rest.starts_with('[') && rest.ends_with(']'))
        }
        None => key == name,
    }
}

/// Describes an unknown option by its name, unless it may be the rest of a password that contains a
/// `?`.
fn describe(key: &str, query: &str) -> String {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if query.contains('@') || !key.bytes().all(is_name) {
        return "the text after its `?` is not a list of options (write ? as %3F in a password)"
            .to_owned();
    }
    format!("unknown option: {key}")
}

pub(super) const TIMEOUT: Meaning = Meaning::Rejected("call `timeout` on the store's builder");
pub(super) const MAX_CONNECTIONS: Meaning =
    Meaning::Rejected("call `max_connections` on the store's builder");

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[UrlOption] = &[
        (&["sslmode", "options", "options[]"], Meaning::Applied),
        (&["ssl-mode"], Meaning::AppliedAs("sslmode")),
        (&["mode"], Meaning::AppliedIf(&["rw"], "the store writes")),
        (&["reconnect"], Meaning::Met(&["true", "1"], "the store always does")),
        (&["binding"], Meaning::MetWith(&["off", "require"], "sslmode=full", "set `sslmode=full`")),
        (&["keepalives"], Meaning::AlwaysMet),
        (&["connect_timeout"], Meaning::ConnectTimeout),
        (&["socket_timeout"], TIMEOUT),
    ];

    fn error_of(url: &str) -> Option<String> {
        apply_options(url, KNOWN).err()
    }

    #[test]
    fn the_driver_gets_the_options_that_it_applies() {
        for (query, applied) in [
            ("", ""),
            ("?", ""),
            ("?sslmode=a&options=b&options[c]=d", "?sslmode=a&options=b&options[c]=d"),
            ("?options[c]=a@b", "?options[c]=a@b"),
            ("?ssl-mode=a&keepalives=1&mode=RW", "?sslmode=a&mode=RW"),
            ("?reconnect=true&connect_timeout=10&binding=off", ""),
            ("?binding=require&sslmode=full", "?sslmode=full"),
        ] {
            let url = apply_options(&format!("postgres://a:b@h/d{query}#x?y=z"), KNOWN);
            assert_eq!(url.expect(query), format!("postgres://a:b@h/d{applied}"), "{query}");
        }
    }

    #[test]
    fn a_rejected_option_is_named_with_what_to_write_instead() {
        for (query, advice) in [
            ("mode=ro", "the store writes"),
            ("reconnect=false", "the store always does"),
            ("binding=require", "set `sslmode=full`"),
            ("binding=require&sslmode=none", "set `sslmode=full`"),
            ("socket_timeout=3", "call `timeout`"),
            ("connect_timeout=soon", "seconds"),
        ] {
            let error = error_of(&format!("postgres://a:b@h/d?{query}")).expect("an error");
            let name = query.split_once('=').expect("a pair").0;
            assert!(error.contains(name) && error.contains(advice), "{error}");
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

    /// Regression: `channel_binding=require` was accepted because of the first `sslmode`, and sqlx applied
    /// the second.
    #[test]
    fn a_repeated_option_is_rejected_under_any_of_its_names() {
        for (query, key) in [
            ("sslmode=full&sslmode=none&binding=require", "sslmode"),
            ("binding=require&sslmode=full&ssl-mode=none", "ssl-mode"),
            ("ssl-mode=none&sslmode=full", "sslmode"),
            ("sslmode=full&sslmode=full", "sslmode"),
            ("options[c]=a&options[c]=b", "options[c]"),
            ("mode=rw&mode=rw", "mode"),
            ("connect_timeout=1&connect_timeout=2", "connect_timeout"),
        ] {
            let error = error_of(&format!("postgres://a:b@h/d?{query}")).expect(query);
            assert!(error.contains(&format!("`{key}` is repeated")), "{error}");
        }
        assert_eq!(error_of("postgres://h/d?options[a]=b&options[c]=d&options=e"), None);
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
