//! Why a step failed, and whether it may have happened.

use std::error::Error;
use std::fmt;

use redis::{ErrorKind, RedisError};

#[derive(Clone, Debug)]
pub(in crate::stores::redis) enum Failure {
    /// There was no connection: nothing was sent.
    Unreachable(RedisError),
    /// The server may evict sign-ins, so nothing was sent.
    Evicting(String),
    /// It was sent, and no answer came: whether it happened is not known.
    Lost(RedisError),
    /// The server says that it did not do it.
    Refused(RedisError),
    /// It happened, and too few replicas know of it.
    Shortfall { confirmed: u32, asked: u32 },
}

impl Failure {
    /// No answer within the time that the step has.
    pub(super) fn late() -> Self {
        Self::Lost(timed_out("no answer in time"))
    }

    /// Whether the server refused for want of memory.
    pub(in crate::stores::redis) fn is_full(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        // Redis 6.2 has the code of a script's error in the text.
        error.code() == Some("OOM") || error.to_string().contains("-OOM command not allowed")
    }

    /// An answer that nobody expects of this server.
    pub(in crate::stores::redis) fn unexpected() -> Self {
        Self::Lost((ErrorKind::UnexpectedReturnType, "an unexpected answer").into())
    }
}

pub(super) fn timed_out(what: &'static str) -> RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, what).into()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(_) => f.write_str("Redis was not reached"),
            Self::Evicting(policy) => write!(f, "Redis may evict sign-ins: {policy}"),
            Self::Lost(_) => f.write_str("Redis did not answer"),
            Self::Refused(_) => f.write_str("Redis refused"),
            Self::Shortfall { confirmed, asked } => {
                write!(f, "{confirmed} replicas of {asked} confirmed in time")
            }
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreachable(source) | Self::Lost(source) | Self::Refused(source) => Some(source),
            Self::Evicting(_) | Self::Shortfall { .. } => None,
        }
    }
}
