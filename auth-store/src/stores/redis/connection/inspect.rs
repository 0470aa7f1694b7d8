//! What a new connection reads from its server: whether it evicts sign-ins, whether it is a primary, and
//! whether it has replicas.

use parking_lot::Mutex;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ServerErrorKind, Value};
use tokio::time::Instant;
use tracing::warn;

use super::config::{ConnectionConfig, Eviction};
use super::failure::Failure;
use super::wire::Connection;
use crate::stores::redis::url::Endpoint;

/// The only policy that never evicts a sign-in. The `volatile-` policies evict keys with a time to live,
/// which every sign-in has.
const NO_EVICTION: &str = "noeviction";

/// Rejects a server that evicts, and warns about what the server hides. Returns its answer to `ROLE`, if it
/// gives one.
pub(super) async fn inspect(
    connection: &Connection,
    config: &ConnectionConfig,
    deadline: Instant,
) -> Result<Option<Value>, Failure> {
    let role = connection.ask(&role(), deadline).await;
    if let Err(Failure::Refused(error)) = &role {
        warn!(%error, "ROLE refused; replicas are not recognized");
    }
    match policy(connection, deadline).await? {
        Some(policy) if policy != NO_EVICTION && config.eviction == Eviction::Rejected => {
            return Err(Failure::Evicting(policy));
        }
        Some(policy) if policy != NO_EVICTION => {
            warn!(
                policy,
                "Redis may evict sign-ins; revoking all sign-ins of a user may miss some"
            );
        }
        _ => {}
    }
    Ok(role.ok())
}

/// Returns the server's `maxmemory-policy`, if the server shows it.
async fn policy(connection: &Connection, deadline: Instant) -> Result<Option<String>, Failure> {
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("maxmemory-policy");
    match connection.ask(&ask, deadline).await {
        Ok(answer) => {
            let pair = <(String, String)>::from_redis_value(answer);
            return Ok(pair.ok().map(|(_, policy)| policy));
        }
        Err(Failure::Refused(error)) => {
            warn!(%error, "CONFIG GET maxmemory-policy refused; reading it from INFO");
        }
        Err(failure) => return Err(failure),
    }
    let mut ask = redis::cmd("INFO");
    ask.arg("memory");
    let policy = match connection.ask(&ask, deadline).await {
        Ok(answer) => String::from_redis_value(answer).ok().and_then(|info| policy_in(&info)),
        Err(Failure::Refused(_)) => None,
        Err(failure) => return Err(failure),
    };
    if policy.is_none() {
        warn!("maxmemory-policy unknown; it must be noeviction, so that no sign-in is evicted");
    }
    Ok(policy)
}

fn policy_in(info: &str) -> Option<String> {
    info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::to_owned)
}

/// Returns the command that reads a server's role.
pub(super) fn role() -> Cmd {
    redis::cmd("ROLE")
}

/// Returns whether an answer to `ROLE` is that of a primary.
pub(super) fn is_primary(role: &Value) -> bool {
    let Value::Array(parts) = role else { return false };
    matches!(parts.first(), Some(Value::BulkString(name)) if name == b"master")
}

/// Returns whether an answer to `ROLE` is that of a replica. An error is neither.
pub(super) fn is_replica(role: &Value) -> bool {
    matches!(role, Value::Array(_)) && !is_primary(role)
}

/// Returns the error of a replica that was taken for a primary.
pub(super) fn replica() -> RedisError {
    (ErrorKind::Server(ServerErrorKind::ReadOnly), "the server is a replica").into()
}

/// Returns whether an answer to `ROLE` is that of a primary with replicas.
fn has_replicas(role: &Value) -> bool {
    let Value::Array(parts) = role else { return false };
    matches!(parts.get(2), Some(Value::Array(replicas)) if is_primary(role) && !replicas.is_empty())
}

/// The server that was last seen with replicas. If it shows none any more, they are down, or it is cut off
/// from them and one of them is the primary by now. A server that was promoted and never had replicas is
/// another one.
pub(super) struct Replicated(Mutex<Option<Endpoint>>);

impl Replicated {
    pub(super) fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Notes a server's answer to `ROLE`.
    pub(super) fn note(&self, server: &Endpoint, role: &Value) {
        if has_replicas(role) && !self.is(server) {
            *self.0.lock() = Some(server.clone());
        }
    }

    pub(super) fn is(&self, server: &Endpoint) -> bool {
        self.0.lock().as_ref() == Some(server)
    }
}
