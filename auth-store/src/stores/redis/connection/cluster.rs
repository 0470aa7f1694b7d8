//! The primaries of a cluster, found by the map of its slots.
//!
//! The map is read again after a `MOVED` redirection, or when a server cannot be reached.

use std::collections::HashMap;
#[cfg(feature = "near-cache")]
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use redis::ErrorKind;
use tokio::time::{Instant, timeout_at};

use super::config::ConnectionConfig;
use super::failure::{Failure, timed_out};
use super::node::Node;
use super::slots::{Range, SlotMap, State};
use super::target::Target;
use crate::stores::redis::url::Endpoint;

/// How long a map of the slots is used before it may be read again.
const FRESH: Duration = Duration::from_millis(100);

/// The primaries of a cluster, and their slots.
pub(super) struct Cluster {
    seeds: Vec<Endpoint>,
    config: Arc<ConnectionConfig>,
    nodes: Mutex<HashMap<Endpoint, Arc<Node>>>,
    ranges: RwLock<Vec<Range>>,
    /// When the ranges were last read.
    read_at: tokio::sync::Mutex<Option<Instant>>,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<Endpoint>, config: Arc<ConnectionConfig>) -> Self {
        Self {
            seeds,
            config,
            nodes: Mutex::default(),
            ranges: RwLock::default(),
            read_at: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the primary that has this slot.
    pub(super) async fn node(&self, slot: u16, deadline: Instant) -> Result<Arc<Node>, Failure> {
        if let Some(primary) = self.primary(slot) {
            return Ok(self.at(&primary));
        }
        self.refresh(deadline).await?;
        match self.primary(slot) {
            Some(primary) => Ok(self.at(&primary)),
            None => Err(Failure::Unreachable(
                (ErrorKind::ClusterConnectionNotFound, "no server has the slot").into(),
            )),
        }
    }

    /// Returns the server at this address.
    pub(super) fn at(&self, endpoint: &Endpoint) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(endpoint) {
            return Arc::clone(node);
        }
        let target = Target::Member(endpoint.clone());
        let node = Arc::new(Node::new(target, Arc::clone(&self.config)));
        nodes.insert(endpoint.clone(), Arc::clone(&node));
        node
    }

    /// Drops the connections to all servers.
    pub(super) fn forget(&self) {
        self.nodes.lock().values().for_each(|node| node.forget());
    }

    /// Returns whether one primary has both slots, as far as is known.
    pub(super) fn share(&self, one: u16, other: u16) -> bool {
        self.primary(one) == self.primary(other)
    }

    /// Returns all primaries, after reading the map again.
    pub(super) async fn primaries(&self, deadline: Instant) -> Result<Vec<Arc<Node>>, Failure> {
        self.refresh(deadline).await?;
        Ok(self.known().iter().map(|primary| self.at(primary)).collect())
    }

    /// Returns the slots of each primary, after reading the map again.
    #[cfg(feature = "near-cache")]
    pub(super) async fn slots_by_primary(
        &self,
        deadline: Instant,
    ) -> Result<Vec<Vec<RangeInclusive<u16>>>, Failure> {
        self.refresh(deadline).await?;
        let mut by_primary = HashMap::<_, Vec<_>>::new();
        for Range { first, last, primary } in &*self.ranges.read() {
            by_primary.entry(primary.clone()).or_default().push(*first..=*last);
        }
        Ok(by_primary.into_values().collect())
    }

    /// Reads the map of the slots again. A map from a server that is cut off from the cluster is used only
    /// if no other server answers, and then the one with the highest epoch.
    pub(super) async fn refresh(&self, deadline: Instant) -> Result<(), Failure> {
        let late = |_| Failure::Unreachable(timed_out("no map of the cluster in time"));
        let mut read_at = timeout_at(deadline, self.read_at.lock()).await.map_err(late)?;
        if read_at.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let (mut last, mut best) = (None, None::<SlotMap>);
        for endpoint in self.to_ask() {
            let soon = (Instant::now() + self.config.timeout / 4).min(deadline);
            match timeout_at(soon, self.map(&endpoint, soon)).await {
                Ok(Ok(map)) => {
                    let is_good = map.state == State::Good;
                    if is_good || best.as_ref().is_none_or(|best| best.epoch < map.epoch) {
                        best = Some(map);
                    }
                    if is_good {
                        break;
                    }
                }
                Ok(Err(failure)) => last = Some(failure),
                Err(elapsed) => last = Some(late(elapsed)),
            }
        }
        let best = best.ok_or_else(|| last.unwrap_or_else(Failure::unexpected))?;
        self.adopt(best.ranges);
        *read_at = Some(Instant::now());
        Ok(())
    }

    async fn map(&self, endpoint: &Endpoint, deadline: Instant) -> Result<SlotMap, Failure> {
        let ask = ["INFO", "SLOTS"].map(|what| {
            let mut ask = redis::cmd("CLUSTER");
            ask.arg(what);
            ask
        });
        let answers = self.at(endpoint).connection(deadline).await?.ask_all(&ask, deadline).await?;
        SlotMap::read(answers, &endpoint.host).ok_or_else(Failure::unexpected)
    }

    fn adopt(&self, mut ranges: Vec<Range>) {
        ranges.sort_by_key(|range| range.first);
        self.nodes.lock().retain(|at, _| ranges.iter().any(|range| range.primary == *at));
        *self.ranges.write() = ranges;
    }

    fn primary(&self, slot: u16) -> Option<Endpoint> {
        let ranges = self.ranges.read();
        let range = ranges.get(ranges.partition_point(|range| range.last < slot))?;
        (range.first <= slot).then(|| range.primary.clone())
    }

    /// Returns the servers from which to read a map: the known primaries, and then the servers of the URL.
    fn to_ask(&self) -> Vec<Endpoint> {
        let mut known = self.known();
        let others = self.seeds.iter().filter(|seed| !known.contains(seed)).cloned();
        known.extend(others.collect::<Vec<_>>());
        known
    }

    fn known(&self) -> Vec<Endpoint> {
        let mut known: Vec<Endpoint> = Vec::new();
        for range in &*self.ranges.read() {
            if !known.contains(&range.primary) {
                known.push(range.primary.clone());
            }
        }
        known
    }
}
