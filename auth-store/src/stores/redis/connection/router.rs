//! [`Router`], which sends each step to the server that has its keys.
//!
//! It also decides when a step that failed is sent again.

#[cfg(feature = "near-cache")]
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind, Value};
use tokio::time::{Instant, sleep_until};

use super::cluster::Cluster;
use super::config::ConnectionConfig;
use super::failure::Failure;
use super::node::{Asking, Node};
use super::request::{Repeats, Request};
use super::sentinel::Sentinels;
use super::target::Target;
use crate::stores::redis::url::{Endpoint, Servers};

/// How often a step is sent at most.
const TRIES: u32 = 6;
/// The pause before a step is sent to a busy server again, times the number of tries so far.
const PAUSE: Duration = Duration::from_millis(20);

/// Sends steps to the servers that they belong to.
pub(in crate::stores::redis) struct Router(Nodes);

enum Nodes {
    One(Arc<Node>),
    Cluster(Cluster),
}

impl Router {
    pub(in crate::stores::redis) fn new(servers: Servers, config: &Arc<ConnectionConfig>) -> Self {
        let shared = Arc::clone(config);
        let one = |target| Nodes::One(Arc::new(Node::new(target, Arc::clone(config))));
        Self(match servers {
            Servers::Single(endpoint) => one(Target::Fixed(endpoint)),
            Servers::Sentinel(endpoints, service) => {
                one(Target::Primary(Sentinels::new(endpoints, service, shared)))
            }
            Servers::Cluster(seeds) => Nodes::Cluster(Cluster::new(seeds, shared)),
        })
    }

    /// Takes a step before the deadline. Sends it again only if it did not happen, or if taking it twice
    /// has the effect of taking it once.
    pub(in crate::stores::redis) async fn call(
        &self,
        request: &Request,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let (mut redirected, mut tries) = (None, 0);
        loop {
            tries += 1;
            let (node, asking) = match redirected.take() {
                Some(redirected) => redirected,
                None => (self.node(request.slot(), deadline).await?, Asking::No),
            };
            let failure = match node.run(request, asking, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            if tries == TRIES || Instant::now() >= deadline {
                return Err(failure);
            }
            match remedy(&failure, request.repeats, self.is_cluster()) {
                Remedy::Again => {}
                Remedy::Follow(endpoint, asking) => {
                    if asking == Asking::No {
                        self.refresh(&node, deadline).await;
                    }
                    redirected = self.at(&endpoint).map(|node| (node, asking));
                }
                Remedy::Refresh if self.refresh(&node, deadline).await => {}
                Remedy::None | Remedy::Refresh => return Err(failure),
                Remedy::Pause => {
                    sleep_until((Instant::now() + PAUSE * tries).min(deadline)).await;
                    if self.is_cluster() {
                        self.refresh(&node, deadline).await;
                    }
                }
            }
        }
    }

    /// Connects to every primary.
    pub(in crate::stores::redis) async fn connect(&self, deadline: Instant) -> Result<(), Failure> {
        for node in self.primaries(deadline).await? {
            node.connection(deadline).await?;
        }
        Ok(())
    }

    /// Connects to the server that has this slot.
    pub(in crate::stores::redis) async fn reach(
        &self,
        slot: u16,
        deadline: Instant,
    ) -> Result<(), Failure> {
        self.node(slot, deadline).await?.connection(deadline).await.map(|_| ())
    }

    /// Returns every primary.
    pub(super) async fn primaries(&self, deadline: Instant) -> Result<Vec<Arc<Node>>, Failure> {
        match &self.0 {
            Nodes::One(node) => Ok(vec![Arc::clone(node)]),
            Nodes::Cluster(cluster) => cluster.primaries(deadline).await,
        }
    }

    /// Returns the slots of every primary, after checking which servers are primaries.
    #[cfg(feature = "near-cache")]
    pub(in crate::stores::redis) async fn slots_by_primary(
        &self,
        deadline: Instant,
    ) -> Result<Vec<Vec<RangeInclusive<u16>>>, Failure> {
        match &self.0 {
            Nodes::One(node) => {
                node.check(deadline).await?;
                Ok(vec![vec![0..=u16::MAX]])
            }
            Nodes::Cluster(cluster) => cluster.slots_by_primary(deadline).await,
        }
    }

    /// Returns whether one server has both slots, as far as is known.
    pub(in crate::stores::redis) fn share(&self, one: u16, other: u16) -> bool {
        match &self.0 {
            Nodes::One(_) => true,
            Nodes::Cluster(cluster) => cluster.share(one, other),
        }
    }

    pub(in crate::stores::redis) fn is_cluster(&self) -> bool {
        matches!(self.0, Nodes::Cluster(_))
    }

    /// Drops all connections. Steps that are under way keep theirs until they end.
    pub(in crate::stores::redis) fn close(&self) {
        match &self.0 {
            Nodes::One(node) => node.forget(),
            Nodes::Cluster(cluster) => cluster.forget(),
        }
    }

    async fn node(&self, slot: u16, deadline: Instant) -> Result<Arc<Node>, Failure> {
        match &self.0 {
            Nodes::One(node) => Ok(Arc::clone(node)),
            Nodes::Cluster(cluster) => cluster.node(slot, deadline).await,
        }
    }

    fn at(&self, endpoint: &Endpoint) -> Option<Arc<Node>> {
        match &self.0 {
            Nodes::One(_) => None,
            Nodes::Cluster(cluster) => Some(cluster.at(endpoint)),
        }
    }

    /// Finds out again where the servers are, and returns whether that can help.
    async fn refresh(&self, node: &Node, deadline: Instant) -> bool {
        match &self.0 {
            Nodes::One(_) => {
                node.forget();
                true
            }
            Nodes::Cluster(cluster) => cluster.refresh(deadline).await.is_ok(),
        }
    }
}

/// What can be done about a failure without taking the step twice.
enum Remedy {
    None,
    /// Send it again.
    Again,
    /// Find out where the keys are now, and send it again.
    Refresh,
    /// Send it to this server, which has the keys or is receiving them.
    Follow(Endpoint, Asking),
    /// Wait, and send it again.
    Pause,
}

fn remedy(failure: &Failure, repeats: Repeats, cluster: bool) -> Remedy {
    match failure {
        Failure::Refused(error) => remedy_of_refusal(error),
        Failure::Lost(_) if repeats == Repeats::Freely && cluster => Remedy::Refresh,
        Failure::Lost(_) if repeats == Repeats::Freely => Remedy::Again,
        Failure::Unreachable(_) if cluster => Remedy::Refresh,
        _ => Remedy::None,
    }
}

/// With each of these errors, the server has not taken the step.
fn remedy_of_refusal(error: &RedisError) -> Remedy {
    let ErrorKind::Server(kind) = error.kind() else { return Remedy::None };
    match kind {
        ServerErrorKind::Moved => follow(error, Asking::No),
        ServerErrorKind::Ask => follow(error, Asking::Yes),
        ServerErrorKind::ReadOnly => Remedy::Refresh,
        ServerErrorKind::TryAgain
        | ServerErrorKind::ClusterDown
        | ServerErrorKind::MasterDown
        | ServerErrorKind::BusyLoading => Remedy::Pause,
        _ => Remedy::None,
    }
}

fn follow(error: &RedisError, asking: Asking) -> Remedy {
    let target = error.redirect_node().and_then(|(address, _)| {
        let (host, port) = address.rsplit_once(':').filter(|(host, _)| !host.is_empty())?;
        Some(Endpoint { host: host.to_owned(), port: port.parse().ok()? })
    });
    target.map_or(Remedy::Refresh, |target| Remedy::Follow(target, asking))
}
