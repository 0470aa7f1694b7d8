//! Which server takes a step.

#[cfg(feature = "near-cache")]
use std::ops::RangeInclusive;
use std::sync::Arc;

use tokio::time::Instant;

use super::cluster::Cluster;
use super::failure::Failure;
use super::node::Node;
use super::place::Place;
use super::sentinel::Sentinels;
use super::settings::ConnectionConfig;
use crate::stores::redis::url::{Endpoint, Servers};

/// Knows the servers.
pub(in crate::stores::redis) struct Router(Nodes);

enum Nodes {
    One(Arc<Node>),
    Cluster(Cluster),
}

impl Router {
    pub(in crate::stores::redis) fn new(
        servers: Servers,
        settings: &Arc<ConnectionConfig>,
    ) -> Self {
        let shared = Arc::clone(settings);
        let one = |place| Nodes::One(Arc::new(Node::new(place, Arc::clone(settings))));
        Self(match servers {
            Servers::Single(endpoint) => one(Place::Fixed(endpoint)),
            Servers::Sentinel(endpoints, service) => {
                one(Place::Primary(Sentinels::new(endpoints, service, shared)))
            }
            Servers::Cluster(seeds) => Nodes::Cluster(Cluster::new(seeds, shared)),
        })
    }

    /// Connects to every server that takes writes.
    pub(in crate::stores::redis) async fn connect(&self, by: Instant) -> Result<(), Failure> {
        for node in self.primaries(by).await? {
            node.connection(by).await?;
        }
        Ok(())
    }

    /// Every server that takes writes.
    pub(super) async fn primaries(&self, by: Instant) -> Result<Vec<Arc<Node>>, Failure> {
        match &self.0 {
            Nodes::One(node) => Ok(vec![Arc::clone(node)]),
            Nodes::Cluster(cluster) => cluster.primaries(by).await,
        }
    }

    /// The slots of every server that takes writes, after a look who they are.
    #[cfg(feature = "near-cache")]
    pub(in crate::stores::redis) async fn spread(
        &self,
        by: Instant,
    ) -> Result<Vec<Vec<RangeInclusive<u16>>>, Failure> {
        match &self.0 {
            Nodes::One(node) => {
                node.check(by).await?;
                Ok(vec![vec![0..=u16::MAX]])
            }
            Nodes::Cluster(cluster) => cluster.spread(by).await,
        }
    }

    /// Connects to the server that has this slot.
    pub(in crate::stores::redis) async fn reach(
        &self,
        slot: u16,
        by: Instant,
    ) -> Result<(), Failure> {
        self.node(slot, by).await?.connection(by).await.map(|_| ())
    }

    pub(super) async fn node(&self, slot: u16, by: Instant) -> Result<Arc<Node>, Failure> {
        match &self.0 {
            Nodes::One(node) => Ok(Arc::clone(node)),
            Nodes::Cluster(cluster) => cluster.node(slot, by).await,
        }
    }

    pub(super) fn at(&self, endpoint: &Endpoint) -> Option<Arc<Node>> {
        match &self.0 {
            Nodes::One(_) => None,
            Nodes::Cluster(cluster) => Some(cluster.at(endpoint)),
        }
    }

    /// Learns anew where the servers are, and says whether that could help.
    pub(super) async fn refresh(&self, node: &Node, by: Instant) -> bool {
        match &self.0 {
            Nodes::One(_) => {
                node.forget();
                true
            }
            Nodes::Cluster(cluster) => cluster.refresh(by).await.is_ok(),
        }
    }

    /// Whether one server has both slots, as far as is known.
    pub(in crate::stores::redis) fn share(&self, one: u16, other: u16) -> bool {
        match &self.0 {
            Nodes::One(_) => true,
            Nodes::Cluster(cluster) => cluster.share(one, other),
        }
    }

    pub(in crate::stores::redis) fn is_cluster(&self) -> bool {
        matches!(self.0, Nodes::Cluster(_))
    }
}
