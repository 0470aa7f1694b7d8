//! [`Failure`]: why a step failed, and whether it may have happened.
//!
//! The router retries only steps that did not happen, or that may be repeated.

use std::error::Error;
use std::fmt;
use std::io;

use redis::{ErrorKind, RedisError};

/// Why a step failed. The variants tell whether it may have happened, which decides whether it may be
/// sent again.
#[derive(Clone, Debug)]
pub(in crate::stores::redis) enum Failure {
    /// There was no connection. Nothing was sent.
    Unreachable(RedisError),
    /// The server may evict sign-ins, so nothing was sent.
    Evicting(String),
    /// It was sent and not answered. Whether it happened is unknown.
    Lost(RedisError),
    /// The server answered that it did not do it.
    Refused(RedisError),
    /// It happened, and too few replicas have confirmed it.
    Shortfall { confirmed: u32, required: u32 },
}

impl Failure {
    /// Returns the failure of a step that was sent and not answered before its deadline.
    pub(super) fn no_answer() -> Self {
        Self::Lost(timed_out("no answer in time"))
    }

    /// Returns whether the server refused because its memory is full.
    pub(in crate::stores::redis) fn is_full(&self) -> bool {
        let Self::Refused(error) = self else { return false };
        // Redis 6.2 has the code of a script's error only in the text.
        error.code() == Some("OOM") || error.to_string().contains("-OOM command not allowed")
    }

    /// Returns the failure of an answer that this server should not give.
    pub(in crate::stores::redis) fn unexpected() -> Self {
        Self::Lost((ErrorKind::UnexpectedReturnType, "unexpected answer").into())
    }
}

pub(super) fn timed_out(what: &'static str) -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, what).into()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(_) => f.write_str("Redis was not reached"),
            Self::Evicting(policy) => write!(f, "Redis may evict sign-ins: {policy}"),
            Self::Lost(_) => f.write_str("Redis did not answer"),
            Self::Refused(_) => f.write_str("Redis refused the step"),
            Self::Shortfall { confirmed, required } => {
                write!(f, "{confirmed} of {required} replicas confirmed in time")
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
