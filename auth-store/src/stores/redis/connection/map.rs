//! Who has which slots, as one server of a cluster sees it.

use redis::{FromRedisValue, Value};

use crate::stores::redis::url::Endpoint;

/// What one server says.
pub(super) struct Map {
    pub(super) ranges: Vec<Range>,
    pub(super) state: State,
    /// Grows with every failover that the server has heard of.
    pub(super) epoch: u64,
}

pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) primary: Endpoint,
}

/// What a server thinks of its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Good,
    /// Slots have no server, or this one is cut off from the majority: what it knows may be old, and
    /// others be primaries by now.
    Failing,
}

impl Map {
    /// The answers to `CLUSTER INFO`, which the user may not be allowed, and `CLUSTER SLOTS`.
    pub(super) fn read(answers: Vec<Value>, asked: &str) -> Option<Self> {
        let [info, slots]: [Value; 2] = answers.try_into().ok()?;
        let Value::Array(ranges) = slots else { return None };
        let ranges: Vec<_> = ranges.iter().map(|one| range(one, asked)).collect::<Option<_>>()?;
        let info = String::from_redis_value(info).unwrap_or_default();
        let field = |name| info.lines().find_map(|line| line.strip_prefix(name));
        let failing = field("cluster_state:").is_some_and(|state| state != "ok");
        let state = if failing { State::Failing } else { State::Good };
        let epoch = field("cluster_current_epoch:").and_then(|epoch| epoch.parse().ok());
        let epoch = epoch.unwrap_or_default();
        (!ranges.is_empty()).then_some(Self { ranges, state, epoch })
    }
}

/// One range as `CLUSTER SLOTS` shows it. A host that is left out is the one that was asked.
fn range(value: &Value, asked: &str) -> Option<Range> {
    let Value::Array(parts) = value else { return None };
    let number = |at: usize| u16::from_redis_value(parts.get(at)?.clone()).ok();
    let Some(Value::Array(primary)) = parts.get(2) else { return None };
    let host = Option::<String>::from_redis_value(primary.first()?.clone()).ok()?;
    let host = host.filter(|host| !host.is_empty() && host != "?");
    let port = u16::from_redis_value(primary.get(1)?.clone()).ok()?;
    let primary = Endpoint { host: host.unwrap_or_else(|| asked.to_owned()), port };
    Some(Range { first: number(0)?, last: number(1)?, primary })
}
