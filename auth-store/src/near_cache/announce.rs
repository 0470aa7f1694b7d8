//! What a store provides so that every node receives every change.
//!
//! The stores in Redis and PostgreSQL implement [`AnnouncingStore`]. A store of your own can implement it
//! as well: the near cache then gives the same guarantees in front of it.

use async_trait::async_trait;
use auth_core::SignInId;

use crate::error::StoreError;
use crate::store::Store;

/// A store that announces its changes to every node that listens.
///
/// - Every change of a sign-in except [`touch`](Store::touch) is announced by the sign-in's id, in the
///   same atomic step as the write.
/// - Heartbeats travel on the path of the announcements, one through every [source](ChangeSource). A node
///   that receives a heartbeat has received everything that the source announced before it.
/// - After [`listen`](Self::listen) has returned, every announcement is received, or listening ends
///   with an error. No announcement is dropped silently.
#[async_trait]
pub trait AnnouncingStore: Store {
    /// Starts to listen for announcements.
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError>;

    /// Sends a heartbeat through every source, and returns the current sources: the servers that accept
    /// writes.
    async fn send_heartbeat(&self, heartbeat: Heartbeat) -> Result<Vec<ChangeSource>, StoreError>;
}

/// The announcements that a node receives.
#[async_trait]
pub trait Announcements: Send {
    /// Waits for the next announcement. An error is final: announcements may have been missed.
    ///
    /// Cancel safe: if the future is dropped before it is ready, no announcement is lost.
    async fn next(&mut self) -> Result<Announcement, StoreError>;
}

/// A message to all nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Announcement {
    /// These sign-ins were changed or ended.
    Changed(Vec<SignInId>),
    /// A heartbeat that came through this source.
    Heartbeat(Heartbeat, ChangeSource),
}

/// A heartbeat, which a node sends to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Heartbeat {
    /// The node that sent it.
    pub node: u64,
    /// The position of this heartbeat among those of the node.
    pub number: u64,
}

/// A server that accepts writes and announces them, by a name that it keeps for as long as it does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChangeSource(pub Box<str>);
