//! What all connections of a store have in common.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use super::stream::Tls;

pub(in crate::stores::redis) struct ConnectionConfig {
    /// How long a step may take, with everything that it waits for.
    pub(in crate::stores::redis) timeout: Duration,
    pub(in crate::stores::redis) user: Option<String>,
    pub(in crate::stores::redis) password: Option<String>,
    pub(in crate::stores::redis) sentinel_user: Option<String>,
    pub(in crate::stores::redis) sentinel_password: Option<String>,
    pub(in crate::stores::redis) database: i64,
    pub(in crate::stores::redis) tls: Option<Tls>,
    pub(in crate::stores::redis) eviction: Eviction,
    pub(in crate::stores::redis) replicas: Replicas,
    /// Counts the connections that were opened: after each, the server may be another one.
    pub(in crate::stores::redis) opened: AtomicU64,
}

/// How many replicas confirm what has to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stores::redis) enum Replicas {
    /// One, of a primary that has any or had any.
    IfAny,
    /// So many, also of a primary that has none.
    Always(u32),
}

impl Replicas {
    pub(super) fn asked(self) -> u32 {
        match self {
            Self::IfAny => 1,
            Self::Always(asked) => asked,
        }
    }
}

/// Whether a server may evict sign-ins when its memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stores::redis) enum Eviction {
    Refused,
    Allowed,
}

impl ConnectionConfig {
    /// How long a connection may take, so that a step that waited for it can still say why it
    /// failed.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.timeout / 2
    }
}
