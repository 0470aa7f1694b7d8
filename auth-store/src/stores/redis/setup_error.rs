//! Why a store in Redis does not start.

use std::error::Error;
use std::fmt;

use auth_core::BoxError;

/// Why a [`RedisStore`](crate::RedisStore) does not start. It never repeats the password.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisSetupError {
    /// The URL cannot be read.
    Url(InvalidUrl),
    /// The URL asks for TLS, and the feature `redis-tls` is off.
    TlsIsOff,
    /// A certificate was given, and the URL does not ask for TLS.
    NoTls,
    /// Nobody is trusted: the certificates of the authorities cannot be read, or there are none.
    Authorities(BoxError),
    /// The server's certificate is not trusted, or is not one of this host.
    Tls(BoxError),
    /// A key prefix with `{` or `}` would take the sign-ins of one subject apart in a cluster.
    Prefix,
    /// A command timeout of zero.
    Timeout,
    /// The server does not know this user and password, or asks for one.
    Authentication(BoxError),
    /// The server may evict sign-ins when its memory is full. Set `maxmemory-policy` to
    /// `noeviction`, or allow it with
    /// [`insecure_allow_eviction`](crate::RedisStoreBuilder::insecure_allow_eviction).
    Eviction {
        /// The `maxmemory-policy`.
        policy: String,
    },
    /// The server was not reached, or did not answer as it should.
    Unavailable(BoxError),
}

/// What is wrong with a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// The scheme is none of `redis`, `rediss`, `redis+sentinel`, `rediss+sentinel`,
    /// `redis+cluster` and `rediss+cluster`.
    Scheme,
    /// `user:password@` has no colon.
    Credentials,
    /// A `%` is not followed by two hexadecimal digits, or they make no text.
    Escape,
    /// A host is missing.
    Host,
    /// A port is no number from 0 to 65535.
    Port,
    /// A single server has one host.
    Hosts,
    /// The path of a Sentinel's URL is the name of the service.
    Service,
    /// The database is no number, or the server is a cluster, which has only one.
    Database,
    /// There are no parameters.
    Parameters,
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => {
                "its scheme is none of redis, rediss, redis+sentinel, rediss+sentinel, \
                 redis+cluster and rediss+cluster"
            }
            Self::Credentials => "what stands before the `@` is not `user:password` or `:password`",
            Self::Escape => "a percent sign does not begin an escaped UTF-8 text",
            Self::Host => "a host is missing or is no host",
            Self::Port => "a port is no number from 0 to 65535",
            Self::Hosts => "a single server has one host; use redis+cluster or redis+sentinel",
            Self::Service => "the name of the Sentinel's service is missing after the hosts",
            Self::Database => "the database is no number, or is not 0 in a cluster",
            Self::Parameters => "it has parameters or a fragment, and none are known",
        })
    }
}

impl Error for InvalidUrl {}

impl fmt::Display for RedisSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(problem) => write!(f, "the URL of Redis cannot be read: {problem}"),
            Self::TlsIsOff => f.write_str("the URL asks for TLS: switch on the feature redis-tls"),
            Self::NoTls => f.write_str("a certificate was given, and the URL is not one of rediss"),
            Self::Authorities(_) => f.write_str("there is no certificate authority to trust"),
            Self::Tls(_) => f.write_str("the certificate of Redis was not accepted"),
            Self::Prefix => f.write_str("a key prefix has no braces"),
            Self::Timeout => f.write_str("a command timeout is longer than nothing"),
            Self::Authentication(_) => f.write_str("Redis refused the user and password"),
            Self::Eviction { policy } => write!(
                f,
                "Redis may evict sign-ins: its maxmemory-policy is {policy}, and not noeviction"
            ),
            Self::Unavailable(_) => f.write_str("Redis was not reached"),
        }
    }
}

impl Error for RedisSetupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Authentication(source)
            | Self::Authorities(source)
            | Self::Tls(source)
            | Self::Unavailable(source) => Some(&**source),
            _ => None,
        }
    }
}
