//! The configuration that all connections of a store share.
//!
//! It includes the login, TLS, the timeout and the number of replicas that must confirm.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use tokio::sync::watch;

use super::open::Tls;

/// The configuration of all connections of a store.
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
    /// Counts the connections that were opened. After each, the server may be another one.
    pub(in crate::stores::redis) opened: AtomicU64,
    /// Whether the store was closed.
    pub(in crate::stores::redis) closed: watch::Sender<bool>,
}

/// How many replicas must confirm a step that has to survive a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stores::redis) enum Replicas {
    /// One, if the primary has replicas or had any.
    IfAny,
    /// This many, even if the primary has none.
    Always(u32),
}

impl Replicas {
    pub(super) fn required(self) -> u32 {
        match self {
            Self::IfAny => 1,
            Self::Always(required) => required,
        }
    }
}

/// Whether a server may evict sign-ins when its memory is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stores::redis) enum Eviction {
    Rejected,
    Allowed,
}

impl ConnectionConfig {
    /// Returns how long opening a connection may take. It is shorter than a step, so that a step that
    /// waits for the connection can still report why it failed.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.timeout / 2
    }
}
