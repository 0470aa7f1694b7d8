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

auth_core::redacted_debug!(Location { servers, tls, user, database });

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
        let (rest, parameters) = match rest.rsplit_once('?') {
            // A password may contain a `?` that is not escaped.
            Some((rest, parameters)) if !parameters.contains('@') => (rest, parameters),
            _ => (rest, ""),
        };
        if rest.contains(['?', '#']) {
            return Err(InvalidUrl::Parameters);
        }
        let parameter = database_parameter(parameters)?;
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
        let database = match (database, parameter) {
            ("", Some(parameter)) if !matches!(form, Form::Cluster) || parameter == "0" => {
                parameter
            }
            (database, None) => database,
            _ => return Err(InvalidUrl::Database),
        };
        let database = match database {
            "" => 0,
            number => number.parse::<u16>().map_err(|_| InvalidUrl::Database)?.into(),
        };
        Ok(Self { servers, tls, user, password, database })
    }
}

/// The parameters of other clients that the store cannot honor, with what to write instead.
const REJECTED: &[(&[&str], &str)] = &[
    (
        &[
            "command_timeout",
            "connectTimeout",
            "connect_timeout",
            "dial_timeout",
            "read_timeout",
            "socket_connect_timeout",
            "socket_timeout",
            "timeout",
            "write_timeout",
        ],
        "call `timeout` on the store's builder",
    ),
    (
        &["max_connections", "minIdleConns", "pool_size", "pool_timeout"],
        "remove it: the store sends all commands to a server over one connection",
    ),
    (&["master_name", "sentinelMasterId", "service_name"], "write redis+sentinel://host/name"),
    (&["ssl", "tls"], "write rediss://"),
    (
        &["ssl_ca_certs", "ssl_cert_reqs", "skip_verify"],
        "remove it: certificates are always verified; \
         `ca_certificate` on the store's builder sets your own",
    ),
    (&["password", "user", "username"], "write redis://user:password@host"),
    (&["client_name", "clientName"], "remove it"),
    (&["protocol"], "remove it: the store uses RESP3"),
];

/// Checks the parameters, and returns the one that names the database.
fn database_parameter(parameters: &str) -> Result<Option<&str>, InvalidUrl> {
    let mut database = None;
    for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value) {
            ("db" | "database", number) if database.is_none() => database = Some(number),
            // The store does what these request anyway. `family` selects among the addresses of a host,
            // which are all tried.
            ("protocol", "3" | "resp3") | ("ssl_cert_reqs", "required") | ("family", _) => {}
            _ => {
                let named = REJECTED.iter().find_map(|(names, instead)| {
                    let name = names.iter().find(|name| **name == key)?;
                    Some(InvalidUrl::Parameter { name, instead })
                });
                return Err(named.unwrap_or(InvalidUrl::Parameters));
            }
        }
    }
    Ok(database)
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
            ("redis://h?speed=high", InvalidUrl::Parameters),
            ("redis://h#insecure", InvalidUrl::Parameters),
            ("redis://h?db=1#insecure", InvalidUrl::Database),
            ("redis://h/1?db=1", InvalidUrl::Database),
            ("redis://h?db=1&db=2", InvalidUrl::Parameters),
            ("redis+cluster://h?db=1", InvalidUrl::Database),
            ("redis://:a?b@h", InvalidUrl::Parameters),
        ] {
            assert_eq!(Location::parse(url).unwrap_err(), problem, "{url}");
        }
    }

    #[test]
    fn parameters_of_other_clients_are_understood_or_explained() {
        let url = Location::parse("redis://h?protocol=3&family=0&ssl_cert_reqs=required").unwrap();
        assert_eq!(url.database, 0);
        assert_eq!(Location::parse("redis://h/?db=2").unwrap().database, 2);
        let url = Location::parse("redis+sentinel://h/main?database=3").unwrap();
        assert_eq!(url.database, 3);
        for (parameter, instead) in [
            ("protocol=2", "RESP3"),
            ("ssl_cert_reqs=none", "always verified"),
            ("socket_timeout=5", "`timeout`"),
            ("pool_size=10", "one connection"),
            ("tls=true", "rediss://"),
            ("sentinelMasterId=main", "redis+sentinel://"),
            ("password=hunter2", "user:password@"),
        ] {
            let error = Location::parse(&format!("redis://h?{parameter}")).unwrap_err();
            let (name, _) = parameter.split_once('=').unwrap();
            let text = error.to_string();
            assert!(text.contains(name) && text.contains(instead), "{text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn sec_74_debug_shows_no_password() {
        let url = Location::parse("redis://ada:hunter2@h").unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
    }
}
