//! Subscriptions to a channel, one at every server that takes writes.
//!
//! A server hands what is published on it to its own subscribers at once and in order. What it
//! passes on to other servers, replicas and the rest of a cluster, can be lost on the way without a
//! word; so nothing that came that way counts as proof.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{FromRedisValue, PushInfo, PushKind, RedisError, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::failure::Failure;
use super::node::Node;
use super::open::Ear;
use super::router::Router;
use super::wire::Connection;

/// For so many messages that were not read yet there is room.
const ROOM: usize = 16_384;

/// Listens at every server that took writes when it began.
pub(in crate::stores::redis) struct Subscription {
    heard: mpsc::Receiver<(usize, PushInfo)>,
    /// More came than there was room for.
    missed: Arc<AtomicBool>,
    lines: Vec<Line>,
}

/// A connection that listens, and what its server calls its time as a primary.
struct Line {
    reign: String,
    _connection: Connection,
}

/// A message, and which server brought it.
pub(in crate::stores::redis) struct Message<'a> {
    pub(in crate::stores::redis) payload: Vec<u8>,
    /// What the server calls its time as a primary: another after each failover.
    pub(in crate::stores::redis) reign: &'a str,
}

impl Router {
    /// Listens to a channel. What is published from now on is heard, or missed with an error.
    pub(in crate::stores::redis) async fn subscribe(
        &self,
        channel: &str,
        by: Instant,
    ) -> Result<Subscription, Failure> {
        let (queue, heard) = mpsc::channel(ROOM);
        let missed = Arc::new(AtomicBool::new(false));
        let mut opening = JoinSet::new();
        for (number, node) in self.primaries(by).await?.into_iter().enumerate() {
            let (queue, missed, channel) = (queue.clone(), Arc::clone(&missed), channel.to_owned());
            let ear: Ear = Arc::new(move |push| {
                if queue.try_send((number, push)).is_err() {
                    missed.store(true, Ordering::SeqCst);
                }
            });
            opening.spawn(async move { (number, line(&node, &channel, ear, by).await) });
        }
        let mut lines = Vec::new();
        while let Some(opened) = opening.join_next().await {
            let (number, line) = opened.map_err(|_| Failure::unexpected())?;
            lines.push((number, line?));
        }
        lines.sort_by_key(|(number, _)| *number);
        let lines = lines.into_iter().map(|(_, line)| line).collect();
        Ok(Subscription { heard, missed, lines })
    }
}

async fn line(node: &Node, channel: &str, ear: Ear, by: Instant) -> Result<Line, Failure> {
    let connection = node.open(Some(ear), by).await?;
    let mut subscribe = redis::cmd("SUBSCRIBE");
    subscribe.arg(channel);
    connection.ask(&subscribe, by).await?;
    let reign = reign(&connection, by).await?;
    // What is read has to come from the server that is listened to.
    if self::reign(&node.connection(by).await?, by).await? != reign {
        node.forget();
        return Err(lost("the server is another than it was"));
    }
    Ok(Line { reign, _connection: connection })
}

/// The server's replication id, which is no other server's as long as it is a primary.
async fn reign(connection: &Connection, by: Instant) -> Result<String, Failure> {
    let mut info = redis::cmd("INFO");
    info.arg("replication");
    let answer = connection.ask(&info, by).await?;
    let Ok(info) = String::from_redis_value(answer) else { return Err(Failure::unexpected()) };
    let field = |name| info.lines().find_map(|line| line.strip_prefix(name));
    match (field("role:"), field("master_replid:")) {
        (Some("master"), Some(id)) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(lost("the server is no primary")),
    }
}

impl Subscription {
    /// The next message. After an error some may have been missed. Nothing is lost if this is
    /// dropped before it is ready.
    pub(in crate::stores::redis) async fn next(&mut self) -> Result<Message<'_>, Failure> {
        loop {
            let heard = self.heard.recv().await;
            if self.missed.load(Ordering::SeqCst) {
                return Err(lost("more was published than was read"));
            }
            let Some((number, push)) = heard else { return Err(lost("nobody publishes")) };
            match push.kind {
                PushKind::Message => {
                    let Some(Value::BulkString(payload)) = push.data.into_iter().nth(1) else {
                        return Err(Failure::unexpected());
                    };
                    let reign = self.lines.get(number).ok_or_else(Failure::unexpected)?;
                    return Ok(Message { payload, reign: &reign.reign });
                }
                PushKind::Subscribe => {}
                PushKind::Disconnection => return Err(lost("the server hung up")),
                _ => return Err(Failure::unexpected()),
            }
        }
    }
}

fn lost(why: &'static str) -> Failure {
    Failure::Lost(RedisError::from((redis::ErrorKind::Io, why)))
}
