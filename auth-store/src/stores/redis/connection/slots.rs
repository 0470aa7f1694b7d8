//! The slots of a cluster: which slot a key is in, and which server has it.
//!
//! The map of the slots is decoded from `CLUSTER INFO` and `CLUSTER SLOTS`.

use redis::{FromRedisValue, Value};

use crate::stores::redis::url::Endpoint;

/// Returns the slot of a hash tag, or of a key without one: CRC-16/XMODEM, modulo 16384.
pub(in crate::stores::redis) fn slot(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % 16384
}

/// The cluster as one server sees it.
pub(super) struct SlotMap {
    pub(super) ranges: Vec<Range>,
    pub(super) state: State,
    /// Increases with every failover that the server has learned of.
    pub(super) epoch: u64,
}

/// Successive slots of one primary.
pub(super) struct Range {
    pub(super) first: u16,
    pub(super) last: u16,
    pub(super) primary: Endpoint,
}

/// The state that a server reports for its cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Good,
    /// Slots have no server, or this server is cut off from the majority. Then its map may be old, and
    /// other servers may be primaries by now.
    Failing,
}

impl SlotMap {
    /// Decodes the answers to `CLUSTER INFO`, which the user may lack the right to, and `CLUSTER SLOTS`.
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

/// Decodes one range of `CLUSTER SLOTS`. A missing host is the one that was asked.
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

#[cfg(test)]
mod tests {
    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(super::slot(b"123456789"), 0x31c3);
        assert_eq!(super::slot(b"foo"), 12182);
        assert_eq!(super::slot(b""), 0);
    }
}
