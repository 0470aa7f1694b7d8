//! Subscriptions to a channel, one at every primary.
//!
//! A server delivers what is published on it to its own subscribers at once and in order. What it passes
//! on to other servers, to replicas and to the rest of a cluster, can be lost without an error, so
//! a message that took such a path proves nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redis::{FromRedisValue, PushInfo, PushKind, RedisError, Value};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::failure::Failure;
use super::node::Node;
use super::open::PushHandler;
use super::router::Router;
use super::wire::Connection;

/// How many messages can wait to be read. More end the subscription.
const QUEUE: usize = 16_384;

/// Subscriptions at every server that was a primary when they were opened.
pub(in crate::stores::redis) struct Subscription {
    pushes: mpsc::Receiver<(usize, PushInfo)>,
    /// More messages arrived than the queue could hold.
    overflowed: Arc<AtomicBool>,
    subscribers: Vec<Subscriber>,
    /// Whether the store was closed.
    closed: watch::Receiver<bool>,
}

/// A connection that is subscribed at one primary.
struct Subscriber {
    replication_id: String,
    _connection: Connection,
}

/// A message, and the server that delivered it.
pub(in crate::stores::redis) struct Message<'a> {
    pub(in crate::stores::redis) payload: Vec<u8>,
    /// The server's replication id, which changes with every failover.
    pub(in crate::stores::redis) replication_id: &'a str,
}

impl Subscription {
    /// Subscribes to a channel at every primary. From then on, every message arrives, or an error shows
    /// that some were missed.
    pub(in crate::stores::redis) async fn open(
        router: &Router,
        channel: &str,
        closed: watch::Receiver<bool>,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let (queue, pushes) = mpsc::channel(QUEUE);
        let overflowed = Arc::new(AtomicBool::new(false));
        let mut opening = JoinSet::new();
        for (number, node) in router.primaries(deadline).await?.into_iter().enumerate() {
            let (queue, overflowed) = (queue.clone(), Arc::clone(&overflowed));
            let on_push: PushHandler = Arc::new(move |push| {
                if queue.try_send((number, push)).is_err() {
                    overflowed.store(true, Ordering::SeqCst);
                }
            });
            let channel = channel.to_owned();
            opening.spawn(async move {
                (number, Subscriber::open(&node, &channel, on_push, deadline).await)
            });
        }
        let mut subscribers = Vec::new();
        while let Some(opened) = opening.join_next().await {
            let (number, subscriber) = opened.map_err(|_| Failure::unexpected())?;
            subscribers.push((number, subscriber?));
        }
        subscribers.sort_by_key(|(number, _)| *number);
        let subscribers = subscribers.into_iter().map(|(_, subscriber)| subscriber).collect();
        Ok(Self { pushes, overflowed, subscribers, closed })
    }

    /// Waits for the next message. After an error, some may have been missed. Cancel safe: if the future
    /// is dropped before it is ready, no message is lost.
    pub(in crate::stores::redis) async fn next(&mut self) -> Result<Message<'_>, Failure> {
        loop {
            let closed = async { _ = self.closed.wait_for(|closed| *closed).await };
            let received = tokio::select! {
                received = self.pushes.recv() => received,
                () = closed => return Err(lost("the store was closed")),
            };
            if self.overflowed.load(Ordering::SeqCst) {
                return Err(lost("messages arrived faster than they were read"));
            }
            let Some((number, push)) = received else {
                return Err(lost("no subscription is open"));
            };
            match push.kind {
                PushKind::Message => {
                    let Some(Value::BulkString(payload)) = push.data.into_iter().nth(1) else {
                        return Err(Failure::unexpected());
                    };
                    let subscriber =
                        self.subscribers.get(number).ok_or_else(Failure::unexpected)?;
                    return Ok(Message { payload, replication_id: &subscriber.replication_id });
                }
                PushKind::Subscribe => {}
                PushKind::Disconnection => return Err(lost("the server closed the connection")),
                _ => return Err(Failure::unexpected()),
            }
        }
    }
}

impl Subscriber {
    async fn open(
        node: &Node,
        channel: &str,
        on_push: PushHandler,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        let connection = node.open(Some(on_push), deadline).await?;
        let mut subscribe = redis::cmd("SUBSCRIBE");
        subscribe.arg(channel);
        connection.ask(&subscribe, deadline).await?;
        let replication_id = replication_id(&connection, deadline).await?;
        // Records must be read from the server whose changes are received.
        let shared = node.connection(deadline).await?;
        if self::replication_id(&shared, deadline).await? != replication_id {
            node.forget();
            return Err(lost("the server has been replaced"));
        }
        Ok(Self { replication_id, _connection: connection })
    }
}

/// Returns the server's replication id, which no other server has while this one is a primary.
async fn replication_id(connection: &Connection, deadline: Instant) -> Result<String, Failure> {
    let mut info = redis::cmd("INFO");
    info.arg("replication");
    let answer = connection.ask(&info, deadline).await?;
    let Ok(info) = String::from_redis_value(answer) else { return Err(Failure::unexpected()) };
    let field = |name| info.lines().find_map(|line| line.strip_prefix(name));
    match (field("role:"), field("master_replid:")) {
        (Some("master"), Some(id)) if !id.is_empty() => Ok(id.to_owned()),
        _ => Err(lost("the server is not a primary")),
    }
}

fn lost(why: &'static str) -> Failure {
    Failure::Lost(RedisError::from((redis::ErrorKind::Io, why)))
}
