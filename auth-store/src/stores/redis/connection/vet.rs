//! Whether a server may keep sign-ins.

use redis::{Cmd, FromRedisValue, Value};
use tokio::time::Instant;
use tracing::warn;

use super::failure::Failure;
use super::settings::{ConnectionConfig, Eviction, Replicas};
use super::wire::Connection;

/// The only policy that never takes a sign-in away: the `volatile-` ones evict what has a time to
/// live, which every sign-in has.
const SAFE: &str = "noeviction";

/// Refuses a server that evicts, and tells what it does not show. What it answers to `ROLE`, if that
/// matters and it does.
pub(super) async fn vet(
    connection: &Connection,
    settings: &ConnectionConfig,
    by: Instant,
) -> Result<Option<Value>, Failure> {
    let role = match settings.replicas {
        Replicas::IfAny => connection.ask(&role(), by).await,
        Replicas::Always(_) => Ok(Value::Nil), // it is waited for them in any case
    };
    if let Err(Failure::Refused(error)) = &role {
        warn!(%error, "whether there are replicas is not known by ROLE: none is waited for");
    }
    match policy(connection, by).await? {
        Some(policy) if policy != SAFE && settings.eviction == Eviction::Refused => {
            Err(Failure::Evicting(policy))
        }
        _ => Ok(role.ok()),
    }
}

/// The server's `maxmemory-policy`, if it shows it.
async fn policy(connection: &Connection, by: Instant) -> Result<Option<String>, Failure> {
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("maxmemory-policy");
    match connection.ask(&ask, by).await {
        Ok(answer) => {
            let pair = <(String, String)>::from_redis_value(answer);
            return Ok(pair.ok().map(|(_, policy)| policy));
        }
        Err(Failure::Refused(error)) => {
            warn!(%error, "Redis does not show its maxmemory-policy by CONFIG GET; INFO is asked");
        }
        Err(failure) => return Err(failure),
    }
    let mut ask = redis::cmd("INFO");
    ask.arg("memory");
    let policy = match connection.ask(&ask, by).await {
        Ok(answer) => String::from_redis_value(answer).ok().and_then(|info| policy_in(&info)),
        Err(Failure::Refused(_)) => None,
        Err(failure) => return Err(failure),
    };
    if policy.is_none() {
        warn!("whether Redis evicts sign-ins is not known: see that its policy is noeviction");
    }
    Ok(policy)
}

fn policy_in(info: &str) -> Option<String> {
    info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::to_owned)
}

/// How many replicas are connected, as `ROLE` says: none if this is no primary, or if the user may
/// not ask.
pub(super) fn replicas(role: &Value) -> u32 {
    match role {
        Value::Array(parts) if is_primary(role) => match parts.get(2) {
            Some(Value::Array(replicas)) => u32::try_from(replicas.len()).unwrap_or(u32::MAX),
            _ => 0,
        },
        _ => 0,
    }
}

/// Whether this is what a primary answers to `ROLE`.
pub(super) fn is_primary(role: &Value) -> bool {
    let Value::Array(parts) = role else { return false };
    matches!(parts.first(), Some(Value::BulkString(name)) if name == b"master")
}

pub(super) fn role() -> Cmd {
    redis::cmd("ROLE")
}
