//! The URLs of the SQL databases.
//!
//! `url_options` checks their options. A URL of a server names one server only.

#[cfg(any(feature = "mysql", feature = "postgres"))]
use std::str::FromStr;
use std::time::Duration;

#[cfg(any(feature = "mysql", feature = "postgres"))]
use super::dialect::Dialect;
use super::error::SqlSetupError;
use crate::stores::url_options::UrlOption;

/// Returns the URL with the options that sqlx applies.
pub(super) fn apply_options(url: &str, known: &[UrlOption]) -> Result<String, SqlSetupError> {
    crate::stores::url_options::apply_options(url, known)
        .map_err(|error| SqlSetupError::Url(error.into()))
}

/// Returns the time limit for opening a connection, if the URL has one.
pub(super) fn connect_timeout(url: &str) -> Option<Duration> {
    let (_, query) = url.split_once('?')?;
    let seconds = query.split(['&', '#']).find_map(|pair| pair.strip_prefix("connect_timeout="));
    let seconds = seconds?.parse::<u32>().ok().filter(|seconds| *seconds > 0)?;
    Some(Duration::from_secs(seconds.into()))
}

/// Returns the options in the URL of a server, which has one of these schemes.
#[cfg(any(feature = "mysql", feature = "postgres"))]
pub(super) fn server_options<D: Dialect<Options: FromStr<Err = sqlx::Error>>>(
    url: &str,
    schemes: [&str; 2],
    known: &[UrlOption],
) -> Result<D::Options, SqlSetupError> {
    if !url.split_once("://").is_some_and(|(scheme, _)| schemes.contains(&scheme)) {
        let [one, other] = schemes;
        return Err(SqlSetupError::Url(format!("the scheme must be `{one}` or `{other}`").into()));
    }
    reject_several_hosts(url)?;
    apply_options(url, known)?.parse().map_err(SqlSetupError::from_sqlx::<D>)
}

/// Rejects a URL of several servers, of which a store could not tell the primary.
#[cfg(any(feature = "mysql", feature = "postgres"))]
fn reject_several_hosts(url: &str) -> Result<(), SqlSetupError> {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (_, place) = place.rsplit_once('@').unwrap_or(("", place));
    let (hosts, _) = place.split_once('/').unwrap_or((place, ""));
    let is_list = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        matches!(key, "host" | "hostaddr" | "port") && value.contains(',')
    };
    if hosts.contains(',') || query.split('&').any(is_list) {
        return Err(SqlSetupError::Url(
            "the URL names several servers: name the primary, or a name that leads to it".into(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_timeout_is_positive() {
        let seconds = |number| Some(Duration::from_secs(number));
        assert_eq!(connect_timeout("postgres://h/d?a=b&connect_timeout=10#c"), seconds(10));
        for url in
            ["postgres://h/d", "postgres://h/d?connect_timeout=0", "postgres://h/d?timeout=1"]
        {
            assert_eq!(connect_timeout(url), None, "{url}");
        }
    }

    #[cfg(any(feature = "mysql", feature = "postgres"))]
    #[test]
    fn one_server_is_named() {
        for url in ["postgres://a,b@h/d,e?application_name=a,b", "postgres://h:5/d?host=a"] {
            assert!(reject_several_hosts(url).is_ok(), "{url}");
        }
        for url in ["postgres://a:b@h:1,i:2/d", "postgres:///d?host=a,b", "postgres://a,b?x=@/"] {
            assert!(reject_several_hosts(url).is_err(), "{url}");
        }
    }
}
