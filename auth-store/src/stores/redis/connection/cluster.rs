//! The servers of a cluster.

use std::collections::HashMap;
#[cfg(feature = "near-cache")]
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use redis::{ErrorKind, FromRedisValue, Value};
use tokio::time::{Instant, timeout_at};

use super::failure::{Failure, timed_out};
use super::node::Node;
use super::place::Place;
use super::settings::Settings;
use crate::stores::redis::url::Endpoint;

/// How long a map of the slots is good after it was read.
const FRESH: Duration = Duration::from_millis(100);

/// The primaries of a cluster, and who has which slots.
pub(super) struct Cluster {
    seeds: Vec<Endpoint>,
    settings: Arc<Settings>,
    nodes: Mutex<HashMap<Endpoint, Arc<Node>>>,
    ranges: RwLock<Vec<Range>>,
    /// When the ranges were last read.
    read_at: tokio::sync::Mutex<Option<Instant>>,
}

struct Range {
    first: u16,
    last: u16,
    primary: Endpoint,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<Endpoint>, settings: Arc<Settings>) -> Self {
        Self {
            seeds,
            settings,
            nodes: Mutex::default(),
            ranges: RwLock::default(),
            read_at: tokio::sync::Mutex::default(),
        }
    }

    /// The primary that has this slot.
    pub(super) async fn node(&self, slot: u16, by: Instant) -> Result<Arc<Node>, Failure> {
        if let Some(primary) = self.primary(slot) {
            return Ok(self.at(&primary));
        }
        self.refresh(by).await?;
        match self.primary(slot) {
            Some(primary) => Ok(self.at(&primary)),
            None => Err(Failure::Unreachable(
                (ErrorKind::ClusterConnectionNotFound, "nobody has the slot").into(),
            )),
        }
    }

    /// The server at this address.
    pub(super) fn at(&self, endpoint: &Endpoint) -> Arc<Node> {
        let mut nodes = self.nodes.lock();
        if let Some(node) = nodes.get(endpoint) {
            return Arc::clone(node);
        }
        let place = Place::Fixed(endpoint.clone());
        let node = Arc::new(Node::new(place, Arc::clone(&self.settings)));
        nodes.insert(endpoint.clone(), Arc::clone(&node));
        node
    }

    /// Whether one primary has both slots, as far as is known.
    pub(super) fn share(&self, one: u16, other: u16) -> bool {
        self.primary(one) == self.primary(other)
    }

    /// All primaries.
    pub(super) async fn primaries(&self, by: Instant) -> Result<Vec<Arc<Node>>, Failure> {
        self.refresh(by).await?;
        Ok(self.known().iter().map(|primary| self.at(primary)).collect())
    }

    /// The slots of each primary.
    #[cfg(feature = "near-cache")]
    pub(super) async fn spread(
        &self,
        by: Instant,
    ) -> Result<Vec<Vec<RangeInclusive<u16>>>, Failure> {
        self.refresh(by).await?;
        let mut spread = HashMap::<_, Vec<_>>::new();
        for Range { first, last, primary } in &*self.ranges.read() {
            spread.entry(primary.clone()).or_default().push(*first..=*last);
        }
        Ok(spread.into_values().collect())
    }

    /// Reads anew who has which slots.
    pub(super) async fn refresh(&self, by: Instant) -> Result<(), Failure> {
        let late = |_| Failure::Unreachable(timed_out("no map of the cluster in time"));
        let mut read_at = timeout_at(by, self.read_at.lock()).await.map_err(late)?;
        if read_at.is_some_and(|at| at.elapsed() < FRESH) {
            return Ok(());
        }
        let (mut last, known) = (None, self.known());
        for endpoint in known.iter().chain(&self.seeds) {
            let soon = (Instant::now() + self.settings.timeout / 4).min(by);
            match timeout_at(soon, self.slots(endpoint, soon)).await {
                Ok(Ok(ranges)) => {
                    self.adopt(ranges);
                    *read_at = Some(Instant::now());
                    return Ok(());
                }
                Ok(Err(failure)) => last = Some(failure),
                Err(late_) => last = Some(late(late_)),
            }
        }
        Err(last.unwrap_or_else(Failure::unexpected))
    }

    async fn slots(&self, endpoint: &Endpoint, by: Instant) -> Result<Vec<Range>, Failure> {
        let mut ask = redis::cmd("CLUSTER");
        ask.arg("SLOTS");
        let answer = self.at(endpoint).connection(by).await?.ask(&ask, by).await?;
        let Value::Array(ranges) = answer else { return Err(Failure::unexpected()) };
        let ranges: Option<Vec<_>> = ranges.iter().map(|one| range(one, &endpoint.host)).collect();
        ranges.filter(|ranges| !ranges.is_empty()).ok_or_else(Failure::unexpected)
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
