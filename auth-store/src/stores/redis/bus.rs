//! What nodes tell each other by way of the servers: see [the bus](super#the-bus).

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use auth_core::SignInId;
use redis::{FromRedisValue, Value};
use tokio::task::JoinSet;

use super::connection::{Failure, Request, Subscription};
use super::scripts::BEAT;
use super::shared::RedisInner;
use super::store::RedisStore;
use crate::error::StoreError;
use crate::near_cache::{Announcement, Announcements, Announces, Beat, Source};
use crate::stores::trace::noted;

/// Every server that takes writes is a source, and is listened to by a connection of its own. A
/// source is another after a failover, after it was emptied, and in a cluster whenever servers with
/// slots come or go. That slots move between them makes no difference, but for the one slot of each
/// that holds the name of its data.
///
/// The user of the servers has to be allowed `INFO`, `SUBSCRIBE` to the channel, and in a cluster
/// `CLUSTER NODES`.
#[async_trait]
impl Announces for RedisStore {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        let listening = async {
            let (channel, by) = (self.shared.keys.bus(), self.shared.deadline());
            let subscription = self.shared.router.subscribe(&channel, by).await?;
            self.shared.compare_key(by).await?; // the servers may have been emptied
            Ok(subscription)
        };
        Ok(Box::new(Bus(noted("listen", listening).await?)))
    }

    /// It fails if one of the servers gave no sign. Those of the others are heard nevertheless.
    async fn beat(&self, beat: Beat) -> Result<Vec<Source>, StoreError> {
        noted("beat", send(&self.shared, beat)).await
    }
}

/// Sends a beat by way of every server that takes writes.
async fn send(shared: &Arc<RedisInner>, beat: Beat) -> Result<Vec<Source>, StoreError> {
    let by = shared.deadline();
    let primaries = shared.router.spread(by).await?;
    let expected = primaries.len();
    let mut beating = JoinSet::new();
    for slots in primaries {
        let (shared, request) = (Arc::clone(shared), request(shared, beat, &slots));
        beating.spawn(async move { shared.call(request, by).await });
    }
    let (mut sources, mut failed) = (Vec::with_capacity(expected), None);
    while let Some(beaten) = beating.join_next().await {
        match beaten.unwrap_or_else(|_| Err(Failure::unexpected())).and_then(source) {
            Ok((source, known)) if known == expected && !sources.contains(&source) => {
                sources.push(source);
            }
            Ok(_) => failed = Some(StoreError::unavailable("it is not clear who takes writes")),
            Err(failure) => failed = Some(failure.into()),
        }
    }
    failed.map_or(Ok(sources), Err)
}

fn request(shared: &RedisInner, beat: Beat, slots: &[RangeInclusive<u16>]) -> Request {
    let (key, slot) = shared.keys.life(|slot| slots.iter().any(|range| range.contains(&slot)));
    let message = format!("beat {:016x} {}", beat.node, beat.number);
    let bus = shared.keys.bus();
    let cluster: &[u8] = if shared.router.is_cluster() { b"1" } else { b"0" };
    let name = format!("{:016x}.{}", beat.node, beat.number); // nobody else has it
    let arguments = [message.as_bytes(), bus.as_bytes(), cluster, name.as_bytes()];
    Request::script(&BEAT, slot, &[key.as_bytes()], &arguments)
}

/// The source that gave a sign, and how many there are as it sees it.
fn source(answer: Value) -> Result<(Source, usize), Failure> {
    let (name, known) =
        <(String, usize)>::from_redis_value(answer).map_err(|_| Failure::unexpected())?;
    Ok((Source(name.into()), known))
}

/// Listens at every source.
struct Bus(Subscription);

#[async_trait]
impl Announcements for Bus {
    async fn next(&mut self) -> Result<Announcement, StoreError> {
        loop {
            let message = self.0.next().await?;
            match read(&message.payload).ok_or_else(Failure::unexpected)? {
                // It came by way of another server, and proves nothing about this one.
                Announcement::Beat(_, source) if !source.0.starts_with(message.reign) => {}
                announcement => return Ok(announcement),
            }
        }
    }
}

fn read(message: &[u8]) -> Option<Announcement> {
    let (what, rest) = std::str::from_utf8(message).ok()?.split_once(' ')?;
    match what {
        "ended" | "changed" => {
            let sids = rest.split(' ').map(str::parse::<SignInId>);
            Some(Announcement::Changed(sids.collect::<Result<_, _>>().ok()?))
        }
        "beat" => {
            let mut parts = rest.splitn(3, ' ');
            let node = u64::from_str_radix(parts.next()?, 16).ok()?;
            let number = parts.next()?.parse().ok()?;
            let source = Source(parts.next().filter(|name| !name.is_empty())?.into());
            Some(Announcement::Beat(Beat { node, number }, source))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scripts_publish_is_read() {
        let (one, two) = (SignInId::from_bytes([1; 16]), SignInId::from_bytes([2; 16]));
        let changed = |sids: &[SignInId]| Some(Announcement::Changed(sids.to_vec()));
        assert_eq!(read(format!("ended {one}").as_bytes()), changed(&[one]));
        assert_eq!(read(format!("changed {one} {two}").as_bytes()), changed(&[one, two]));
        let beat = Beat { node: u64::MAX, number: 7 };
        let read_beat = read(b"beat ffffffffffffffff 7 ab-cd");
        assert_eq!(read_beat, Some(Announcement::Beat(beat, Source("ab-cd".into()))));
    }

    #[test]
    fn anything_else_is_an_error() {
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
