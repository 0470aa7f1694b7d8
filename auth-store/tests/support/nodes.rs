//! Two nodes on the same servers, of which one has a near cache.

use std::time::Duration;

use auth_core::{Clock, SignInId};
use auth_store::near_cache::{AnnouncingStore, NearCache};
use auth_store::{Peek, Store, StoreErrorKind};
use tokio::time::sleep;

use super::sign_in::draft;

pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(1);
/// A step of a store fails before the near cache loses its lease.
pub(crate) const STEP_TIMEOUT: Duration = Duration::from_millis(500);
const DEADLINE: Duration = Duration::from_secs(30);

/// A node with a near cache, and another that ends sign-ins.
pub(crate) struct Nodes<S> {
    pub(crate) near: NearCache<S>,
    pub(crate) remote: S,
    failover: Failover,
    clock: Clock,
}

/// What becomes of a new sign-in when another server takes over.
#[allow(dead_code)] // each test binary uses one of them
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failover {
    /// It is there.
    Keeps,
    /// It may be lost, because the store does not wait for replicas.
    MayLose,
}

/// A sign-in that the other node has ended, and the latest moment at which it did.
pub(crate) struct Ended {
    id: SignInId,
    at: Duration,
}

impl<S: AnnouncingStore> Nodes<S> {
    /// Puts a cache in front of the first store, and waits for its lease.
    pub(crate) async fn new(near: S, remote: S, failover: Failover) -> Self {
        let near = NearCache::<S>::builder().max_staleness(MAX_STALENESS).build(near);
        let nodes = Self { near, remote, failover, clock: Clock::system() };
        nodes.until("there is a lease", || nodes.has_lease()).await;
        nodes
    }

    pub(crate) fn has_lease(&self) -> bool {
        self.near.stats().lease.is_some()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.near.stats().generation
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Returns whether the near cache answers for this sign-in.
    pub(crate) fn is_cached(&self, id: &SignInId) -> bool {
        let mut cached = false;
        self.near.peek(id, &mut |peek| cached = matches!(peek, Peek::Cached(_)));
        cached
    }

    /// Returns a new sign-in, for which the near cache answers.
    pub(crate) async fn cached_sign_in(&self) -> SignInId {
        loop {
            let id = self.sign_in_with_retries().await;
            if self.load_until_cached_or_gone(&id).await {
                return id;
            }
            assert!(self.failover == Failover::MayLose, "an acknowledged sign-in was lost");
        }
    }

    /// Signs in as soon as the servers accept it.
    async fn sign_in_with_retries(&self) -> SignInId {
        let start = self.now();
        loop {
            let (_, record) = draft(&self.remote, Some("ada"));
            let id = record.id;
            match self.remote.create(record, None).await {
                Ok(_) => return id,
                Err(error) => assert!(self.now() < start + DEADLINE, "{error:?}"),
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Loads a sign-in until the near cache answers for it.
    pub(crate) async fn load_until_cached(&self, id: &SignInId) {
        assert!(self.load_until_cached_or_gone(id).await, "it was not ended");
    }

    /// Returns false if the sign-in is not there.
    async fn load_until_cached_or_gone(&self, id: &SignInId) -> bool {
        let start = self.now();
        loop {
            match self.near.load(id).await {
                Ok(None) => return false,
                Ok(Some(_)) if self.is_cached(id) => return true,
                Ok(Some(_)) => {}
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
            }
            assert!(self.now() < start + DEADLINE, "it is not cached again");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends a sign-in on the other node, as soon as the servers accept it.
    pub(crate) async fn end(&self, id: SignInId) -> Ended {
        let start = self.now();
        while let Err(error) = self.remote.delete(&id).await {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            assert!(self.now() < start + DEADLINE, "{error:?}");
            sleep(Duration::from_millis(10)).await;
        }
        Ended { id, at: self.now() }
    }

    /// Watches an ended sign-in until `done`, and for longer than the maximum staleness: from then
    /// on the cache does not answer for it, and the store never says that it is there.
    pub(crate) async fn stays_ended_until(
        &self,
        ended: &Ended,
        event: &str,
        done: impl Fn() -> bool,
    ) {
        let Ended { id, at } = ended;
        loop {
            let now = self.now();
            let late = now > *at + MAX_STALENESS;
            assert!(!(self.is_cached(id) && late), "cached {:?} after its end", now - *at);
            if late {
                match self.near.load(id).await {
                    Ok(found) => assert!(found.is_none(), "it was ended"),
                    Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
                }
                if done() {
                    return;
                }
            }
            assert!(now < *at + DEADLINE, "waited until {event}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until `done`.
    pub(crate) async fn until(&self, event: &str, done: impl Fn() -> bool) {
        let start = self.now();
        while !done() {
            assert!(self.now() < start + DEADLINE, "waited until {event}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the maximum staleness has passed since a moment: then there is no lease, and the
    /// cache does not answer.
    pub(crate) async fn loses_the_lease(&self, id: &SignInId, since: Duration) {
        self.until("the lease has run out", || self.now() > since + MAX_STALENESS).await;
        assert!(!self.is_cached(id) && !self.has_lease());
    }

    /// Waits until sign-ins are cached again, and their ends reach the cache.
    pub(crate) async fn recovers(&self) {
        self.until("there is a lease again", || self.has_lease()).await;
        let id = self.cached_sign_in().await;
        let ended = self.end(id).await;
        self.stays_ended_until(&ended, "it is not cached", || !self.is_cached(&id)).await;
    }
}
