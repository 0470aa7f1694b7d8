//! Why there is no store at a URL.

use std::error::Error;
use std::fmt;

use auth_core::BoxError;

/// Why there is no store at a URL. It never repeats the URL, which may hold a password.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL's scheme is none of those that [`ConnectOptions`](crate::ConnectOptions) lists.
    Scheme,
    /// Nothing follows the colon of `memory:`.
    Memory,
    /// The store was not compiled in.
    Feature {
        /// The feature of `auth-store` that it comes with.
        feature: &'static str,
    },
    /// The store does not start.
    Store {
        /// What its own `connect` says: `RedisSetupError` or `SqlSetupError`.
        error: BoxError,
    },
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str(
                "the URL of a store begins with memory:, sqlite:, postgres:, mysql:, mariadb:, redis: or \
                 rediss:, redis+sentinel: or redis+cluster:",
            ),
            Self::Memory => f.write_str("nothing follows `memory:`"),
            Self::Feature { feature } => {
                write!(f, "this program was built without the feature `{feature}` of auth-store")
            }
            Self::Store { error } => error.fmt(f),
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            // Its text is this one's text.
            Self::Store { error } => error.source(),
            Self::Scheme | Self::Memory | Self::Feature { .. } => None,
        }
    }
}
