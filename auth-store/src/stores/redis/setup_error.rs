//! The errors of connecting to Redis: [`RedisSetupError`] and [`InvalidUrl`].
//!
//! Neither contains the password.

use std::error::Error;
use std::fmt;

use auth_core::BoxError;

/// The reason why a [`RedisStore`](crate::RedisStore) cannot be opened. It never contains the password.
#[derive(Debug)]
#[non_exhaustive]
pub enum RedisSetupError {
    /// The URL is invalid.
    Url(InvalidUrl),
    /// The URL requests TLS, but the feature `redis-tls` is disabled.
    TlsDisabled,
    /// A certificate authority was set, but the URL does not request TLS.
    NoTls,
    /// The certificates of the authorities are invalid, or there are none.
    Authorities(BoxError),
    /// The server's certificate is not trusted, or does not name this host.
    Tls(BoxError),
    /// The key prefix contains `{` or `}`, which would put the keys of one subject into different slots of a
    /// cluster.
    Prefix,
    /// The timeout is zero.
    InvalidTimeout,
    /// The server rejected the user and password, or demands them.
    Authentication(BoxError),
    /// The server may evict sign-ins when its memory is full. Set `maxmemory-policy` to `noeviction`, or
    /// allow eviction with
    /// [`insecure_allow_eviction`](crate::RedisStoreBuilder::insecure_allow_eviction).
    Eviction {
        /// The server's `maxmemory-policy`.
        policy: String,
    },
    /// The server could not be reached, or gave an unexpected answer.
    Unavailable(BoxError),
}

/// Why a URL is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidUrl {
    /// The scheme is none of `redis`, `rediss`, `redis+sentinel`, `rediss+sentinel`,
    /// `redis+cluster` and `rediss+cluster`.
    Scheme,
    /// The part before the `@` has no colon.
    Credentials,
    /// A `%` is not followed by two hexadecimal digits, or the result is not UTF-8.
    Escape,
    /// A host is missing or invalid.
    Host,
    /// A port is not a number from 0 to 65535.
    Port,
    /// A URL of a single server names several hosts.
    Hosts,
    /// The URL of Sentinels does not name the service.
    Service,
    /// The database is not a number, or is not 0 in a cluster.
    Database,
    /// The URL has an unknown parameter or a fragment.
    Parameters,
    /// The URL has a parameter of other clients that the store cannot honor.
    Parameter {
        /// The name of the parameter.
        name: &'static str,
        /// What to write instead.
        instead: &'static str,
    },
}

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Parameter { name, instead } => {
                return write!(f, "the parameter `{name}` is rejected: {instead}");
            }
            Self::Scheme => {
                "the scheme must be redis, rediss, redis+sentinel, rediss+sentinel, redis+cluster \
                 or rediss+cluster"
            }
            Self::Credentials => "the part before the `@` must be `user:password` or `:password`",
            Self::Escape => {
                "a `%` must begin an escape of UTF-8 text: write `%25` for a percent sign"
            }
            Self::Host => "a host is missing or invalid",
            Self::Port => "a port is not a number from 0 to 65535",
            Self::Hosts => "a single server has one host: write redis+cluster or redis+sentinel",
            Self::Service => "the name of the Sentinels' service is missing after the hosts",
            Self::Database => "the database is not a number, or is not 0 in a cluster",
            Self::Parameters => "unknown parameters and fragments are not supported",
        })
    }
}

impl Error for InvalidUrl {}

impl fmt::Display for RedisSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(problem) => write!(f, "invalid URL of Redis: {problem}"),
            Self::TlsDisabled => {
                f.write_str("the URL requests TLS: enable the feature `redis-tls`")
            }
            Self::NoTls => f.write_str("`ca_certificate` needs a URL that begins with `rediss`"),
            Self::Authorities(_) => f.write_str("no certificate authority could be loaded"),
            Self::Tls(_) => f.write_str("the certificate of Redis was rejected"),
            Self::Prefix => f.write_str("the key prefix must not contain braces"),
            Self::InvalidTimeout => f.write_str("`timeout` must be longer than zero"),
            Self::Authentication(_) => {
                f.write_str("Redis rejected the user and password, or demands them")
            }
            Self::Eviction { policy } => write!(
                f,
                "Redis may evict sign-ins: maxmemory-policy must be noeviction, but is {policy}"
            ),
            Self::Unavailable(_) => f.write_str("Redis was not reached"),
        }
    }
}

auth_core::error_with_source!(RedisSetupError: Authentication, Authorities, Tls, Unavailable);
