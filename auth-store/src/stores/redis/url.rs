//! The URLs of Redis: which servers there are, and how to log in.
//!
//! One parser decodes the forms for a single server, for Sentinels and for a cluster.

use std::fmt;

use super::setup_error::InvalidUrl;

/// A decoded URL. `Debug` omits the password.
#[derive(Clone)]
pub(super) struct Location {
    pub(super) servers: Servers,
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    Single(Endpoint),
    /// The Sentinels, and the name of the service.
    Sentinel(Vec<Endpoint>, String),
    /// The servers from which the store learns the addresses of all others.
    Cluster(Vec<Endpoint>),
}

/// A server's host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Location")
            .field("servers", &self.servers)
            .field("tls", &self.tls)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

enum Form {
    Single,
    Sentinel,
    Cluster,
}

impl Location {
    /// Decodes `scheme://[[user]:password@]host[:port][,host[:port]]..[/..]`.
    pub(super) fn parse(url: &str) -> Result<Self, InvalidUrl> {
        let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::Scheme)?;
        let (form, tls) = match scheme {
            "redis" => (Form::Single, false),
            "rediss" => (Form::Single, true),
            "redis+sentinel" => (Form::Sentinel, false),
            "rediss+sentinel" => (Form::Sentinel, true),
            "redis+cluster" => (Form::Cluster, false),
            "rediss+cluster" => (Form::Cluster, true),
            _ => return Err(InvalidUrl::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(InvalidUrl::Parameters);
        }
        // A password may contain an `@` that is not escaped, but a path contains none.
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, rest),
        };
        let (user, password) = login.map_or(Ok((None, None)), decode_login)?;
        let (hosts, path) = place.split_once('/').unwrap_or((place, ""));
        let port = if matches!(form, Form::Sentinel) { 26379 } else { 6379 };
        let mut endpoints: Vec<_> =
            hosts.split(',').map(|host| endpoint(host, port)).collect::<Result<_, _>>()?;
        let (servers, database) = match form {
            Form::Single if endpoints.len() > 1 => return Err(InvalidUrl::Hosts),
            Form::Single => (Servers::Single(endpoints.remove(0)), path),
            Form::Sentinel => {
                let (service, database) = path.split_once('/').unwrap_or((path, ""));
                if service.is_empty() {
                    return Err(InvalidUrl::Service);
                }
                (Servers::Sentinel(endpoints, unescape(service)?), database)
            }
            Form::Cluster if path.is_empty() || path == "0" => (Servers::Cluster(endpoints), ""),
            Form::Cluster => return Err(InvalidUrl::Database),
        };
        let database = match database {
            "" => 0,
            number => number.parse::<u16>().map_err(|_| InvalidUrl::Database)?.into(),
        };
        Ok(Self { servers, tls, user, password, database })
    }
}

type Login = (Option<String>, Option<String>);

fn decode_login(text: &str) -> Result<Login, InvalidUrl> {
    let (user, password) = text.split_once(':').ok_or(InvalidUrl::Credentials)?;
    let filled = |text: &str| (!text.is_empty()).then(|| unescape(text)).transpose();
    Ok((filled(user)?, filled(password)?))
}

fn endpoint(text: &str, default: u16) -> Result<Endpoint, InvalidUrl> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']').ok_or(InvalidUrl::Host)?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some("")))
        }
        None => text.split_once(':').map_or((text, Some("")), |(host, port)| (host, Some(port))),
    };
    let port = match port.ok_or(InvalidUrl::Port)? {
        "" => default,
        port => port.parse().map_err(|_| InvalidUrl::Port)?,
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(InvalidUrl::Host);
    }
    Ok(Endpoint { host: host.to_owned(), port })
}

/// Decodes percent escapes (RFC 3986, section 2.1).
fn unescape(text: &str) -> Result<String, InvalidUrl> {
    let (mut bytes, mut out) = (text.bytes(), Vec::with_capacity(text.len()));
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let (high, low) = (digit(bytes.next()), digit(bytes.next()));
        let value = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        out.push(value.ok_or(InvalidUrl::Escape)?);
    }
    String::from_utf8(out).map_err(|_| InvalidUrl::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(host: &str, port: u16) -> Endpoint {
        Endpoint { host: host.to_owned(), port }
    }

    #[test]
    fn every_form_is_decoded() {
        let url = Location::parse("redis://h").unwrap();
        assert_eq!((url.servers, url.database), (Servers::Single(at("h", 6379)), 0));
        let url = Location::parse("redis://ada:p%40ss@[::1]:7000/3").unwrap();
        assert_eq!((url.servers, url.database), (Servers::Single(at("::1", 7000)), 3));
        assert_eq!((url.user.as_deref(), url.password.as_deref()), (Some("ada"), Some("p@ss")));
        let url = Location::parse("redis+sentinel://:pw@a:1,b/main/2").unwrap();
        let sentinels = vec![at("a", 1), at("b", 26379)];
        assert_eq!(url.servers, Servers::Sentinel(sentinels, "main".to_owned()));
        assert_eq!((url.user, url.database), (None, 2));
        let url = Location::parse("rediss+cluster://a,b:2").unwrap();
        assert_eq!(url.servers, Servers::Cluster(vec![at("a", 6379), at("b", 2)]));
        assert!(url.tls);
    }

    #[test]
    fn invalid_urls_are_rejected_with_the_reason() {
        for (url, problem) in [
            ("localhost:6379", InvalidUrl::Scheme),
            ("http://h", InvalidUrl::Scheme),
            ("redis://", InvalidUrl::Host),
            ("redis://h:port", InvalidUrl::Port),
            ("redis://h:70000", InvalidUrl::Port),
            ("redis://[::1", InvalidUrl::Host),
            ("redis://[::1]x", InvalidUrl::Port),
            ("redis://a,b", InvalidUrl::Hosts),
            ("redis://h/one", InvalidUrl::Database),
            ("redis+cluster://h/1", InvalidUrl::Database),
            ("redis+sentinel://h", InvalidUrl::Service),
            ("redis://password@h", InvalidUrl::Credentials),
            ("redis://:%zz@h", InvalidUrl::Escape),
            ("redis://:%ff@h", InvalidUrl::Escape),
            ("redis://h?protocol=resp3", InvalidUrl::Parameters),
        ] {
            assert_eq!(Location::parse(url).unwrap_err(), problem, "{url}");
        }
    }

    #[test]
    fn sec_74_debug_shows_no_password() {
        let url = Location::parse("redis://ada:hunter2@h").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
