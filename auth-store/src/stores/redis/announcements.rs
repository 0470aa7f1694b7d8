//! Announces the changes of the store to the near caches of all nodes; see
//! [the channel](super#the-channel).

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use redis::{FromRedisValue, Value};
use tokio::task::JoinSet;

use super::connection::{Failure, Request, Subscription};
use super::inner::RedisInner;
use super::scripts::BEAT;
use super::store::RedisStore;
use crate::error::StoreError;
use crate::near_cache::{Announcement, Announcements, AnnouncingStore, ChangeSource, Heartbeat};
use crate::stores::trace::traced_without_warning;

/// Every primary is a source, with a connection of its own. A source changes with a failover, when it is
/// emptied, and in a cluster whenever a server with slots is added or removed. That slots move between
/// servers does not change a source, except for the one slot of each server that holds the name of its
/// data.
///
/// The user that connects needs the right to `INFO`, to `SUBSCRIBE` to the channel, and in a cluster to
/// `CLUSTER NODES`.
#[async_trait]
impl AnnouncingStore for RedisStore {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        let listening = async {
            let (channel, deadline) = (self.inner.keys.channel(), self.inner.deadline());
            let (router, closed) = (&self.inner.router, self.inner.config.closed.subscribe());
            let subscription = Subscription::open(router, &channel, closed, deadline).await?;
            self.inner.compare_key(deadline).await?; // the servers may have been emptied
            Ok(subscription)
        };
        Ok(Box::new(RedisAnnouncements(traced_without_warning("listen", listening).await?)))
    }

    /// Fails if one of the servers does not confirm the heartbeat. The heartbeats through the others arrive
    /// nevertheless.
    async fn send_heartbeat(&self, heartbeat: Heartbeat) -> Result<Vec<ChangeSource>, StoreError> {
        traced_without_warning("beat", send(&self.inner, heartbeat)).await
    }
}

/// Sends a heartbeat through every primary at once.
async fn send(
    inner: &Arc<RedisInner>,
    heartbeat: Heartbeat,
) -> Result<Vec<ChangeSource>, StoreError> {
    let deadline = inner.deadline();
    let primaries = inner.router.slots_by_primary(deadline).await?;
    let expected = primaries.len();
    let mut heartbeats = JoinSet::new();
    for slots in primaries {
        let (inner, request) = (Arc::clone(inner), request(inner, heartbeat, &slots));
        heartbeats.spawn(async move { inner.call(request, deadline).await });
    }
    let (mut sources, mut failed) = (Vec::with_capacity(expected), None);
    while let Some(sent) = heartbeats.join_next().await {
        match sent.unwrap_or_else(|_| Err(Failure::unexpected())).and_then(source) {
            Ok((source, known)) if known == expected && !sources.contains(&source) => {
                sources.push(source);
            }
            Ok(_) => {
                failed = Some(StoreError::unavailable("the servers disagree about the primaries"));
            }
            Err(failure) => failed = Some(failure.into()),
        }
    }
    failed.map_or(Ok(sources), Err)
}

fn request(inner: &RedisInner, heartbeat: Heartbeat, slots: &[RangeInclusive<u16>]) -> Request {
    let (key, slot) = inner.keys.life(|slot| slots.iter().any(|range| range.contains(&slot)));
    let message = format!("beat {:016x} {}", heartbeat.node, heartbeat.number);
    let channel = inner.keys.channel();
    let cluster: &[u8] = if inner.router.is_cluster() { b"1" } else { b"0" };
    let name = format!("{:016x}.{}", heartbeat.node, heartbeat.number); // unique
    let arguments = [message.as_bytes(), channel.as_bytes(), cluster, name.as_bytes()];
    Request::script(&BEAT, slot, &[key.as_bytes()], &arguments)
}

/// Decodes the source that a heartbeat went through, and the number of sources as this one sees it.
fn source(answer: Value) -> Result<(ChangeSource, usize), Failure> {
    let (name, known) =
        <(String, usize)>::from_redis_value(answer).map_err(|_| Failure::unexpected())?;
    Ok((ChangeSource(name.into()), known))
}

/// Listens at every source.
struct RedisAnnouncements(Subscription);

#[async_trait]
impl Announcements for RedisAnnouncements {
    async fn next(&mut self) -> Result<Announcement, StoreError> {
        loop {
            let message = self.0.next().await?;
            match read(&message.payload).ok_or_else(Failure::unexpected)? {
                // It came through another server, and proves nothing about this one.
                Announcement::Heartbeat(_, source)
                    if !source.0.starts_with(message.replication_id) => {}
                announcement => return Ok(announcement),
            }
        }
    }
}

fn read(message: &[u8]) -> Option<Announcement> {
    let (what, rest) = std::str::from_utf8(message).ok()?.split_once(' ')?;
    match what {
        "ended" | "changed" => {
            let ids = rest.split(' ').map(str::parse::<SignInId>);
            Some(Announcement::Changed(ids.collect::<Result<_, _>>().ok()?))
        }
        "beat" => {
            let mut parts = rest.splitn(3, ' ');
            let node = u64::from_str_radix(parts.next()?, 16).ok()?;
            let number = parts.next()?.parse().ok()?;
            let source = ChangeSource(parts.next().filter(|name| !name.is_empty())?.into());
            Some(Announcement::Heartbeat(Heartbeat { node, number }, source))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_scripts_are_read() {
        let (one, two) = (SignInId::from_bytes([1; 16]), SignInId::from_bytes([2; 16]));
        let changed = |ids: &[SignInId]| Some(Announcement::Changed(ids.to_vec()));
        assert_eq!(read(format!("ended {one}").as_bytes()), changed(&[one]));
        assert_eq!(read(format!("changed {one} {two}").as_bytes()), changed(&[one, two]));
        let heartbeat = Heartbeat { node: u64::MAX, number: 7 };
        let parsed = read(b"beat ffffffffffffffff 7 ab-cd");
        assert_eq!(parsed, Some(Announcement::Heartbeat(heartbeat, ChangeSource("ab-cd".into()))));
    }

    #[test]
    fn other_messages_are_rejected() {
        let messages = [
            "",
            "ended",
            "ended ",
            "ended x",
            "gone x",
            "beat",
            "beat 1",
            "beat 1 2",
            "beat x 2 a",
            "beat 1 x a",
            "beat 1 2 ",
        ];
        for message in messages {
            assert_eq!(read(message.as_bytes()), None, "{message}");
        }
        assert_eq!(read(b"ended \xff"), None);
    }
}
