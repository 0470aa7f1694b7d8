//! Two nodes on one server.

use std::time::Duration;

use auth_core::{Clock, SignInId};
use auth_store::near_cache::NearCache;
use auth_store::{Peek, PostgresStore, Store, StoreErrorKind};
use tokio::time::sleep;

use crate::sign_in::sign_in;

pub(super) const BOUND: Duration = Duration::from_secs(1);
const LONG_ENOUGH: Duration = Duration::from_secs(30);

/// A node with a near cache, and another that ends sign-ins.
pub(super) struct Nodes {
    pub(super) here: NearCache<PostgresStore>,
    pub(super) there: PostgresStore,
    clock: Clock,
}

/// A sign-in that the other node has ended, and when at the latest.
pub(super) struct Ended(SignInId, Duration);

impl Nodes {
    /// The one with the cache may reach the server in a way of its own.
    pub(super) async fn by(here: String, there: String) -> Self {
        let store = |url| PostgresStore::builder(url).migrate().timeout(BOUND / 2);
        let there = store(there).connect().await.expect("it runs");
        let here = store(here).connect().await.expect("it runs");
        let here = NearCache::<PostgresStore>::builder().max_staleness(BOUND).build(here);
        let nodes = Self { here, there, clock: Clock::system() };
        nodes.until("there is a lease", || nodes.has_lease()).await;
        nodes
    }

    pub(super) fn has_lease(&self) -> bool {
        self.here.stats().lease.is_some()
    }

    pub(super) fn generation(&self) -> u64 {
        self.here.stats().generation
    }

    /// Whether the copy of a sign-in is believed here.
    pub(super) fn believes(&self, sid: &SignInId) -> bool {
        let mut believes = false;
        self.here.peek(sid, &mut |peek| believes = matches!(peek, Peek::Cached(_)));
        believes
    }

    /// A sign-in that is believed here.
    pub(super) async fn believed(&self) -> SignInId {
        let sid = sign_in(&self.there, "ada").await;
        self.learn(&sid).await;
        sid
    }

    /// Asks for a sign-in until its copy is believed.
    pub(super) async fn learn(&self, sid: &SignInId) {
        let start = self.clock.monotonic();
        while !self.believes(sid) {
            match self.here.load(sid).await {
                Ok(found) => assert!(found.is_some(), "it was not ended"),
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
            }
            assert!(self.clock.monotonic() < start + LONG_ENOUGH, "it is not believed again");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends a sign-in elsewhere, as soon as that can be done.
    pub(super) async fn end(&self, sid: SignInId) -> Ended {
        let start = self.clock.monotonic();
        while let Err(error) = self.there.delete(&sid).await {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable);
            assert!(self.clock.monotonic() < start + LONG_ENOUGH, "{error:?}");
            sleep(Duration::from_millis(10)).await;
        }
        Ended(sid, self.clock.monotonic())
    }

    /// Looks at it until this has happened, and longer than the bound: it is not believed beyond
    /// that, and who asks the store is never told that it lasts.
    pub(super) async fn never_believes(&self, ended: &Ended, event: &str, done: impl Fn() -> bool) {
        let Ended(sid, at) = ended;
        loop {
            let now = self.clock.monotonic();
            let late = now > *at + BOUND;
            assert!(!(self.believes(sid) && late), "believed {:?} after its end", now - *at);
            if late {
                match self.here.load(sid).await {
                    Ok(found) => assert!(found.is_none(), "it was ended"),
                    Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
                }
                if done() {
                    return;
                }
            }
            assert!(now < *at + LONG_ENOUGH, "waited until {event}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until this has happened.
    pub(super) async fn until(&self, event: &str, done: impl Fn() -> bool) {
        let start = self.clock.monotonic();
        while !done() {
            assert!(self.clock.monotonic() < start + LONG_ENOUGH, "waited until {event}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// All is well again: sign-ins are believed, and their ends are heard of.
    pub(super) async fn recovers(&self) {
        self.until("there is a lease again", || self.has_lease()).await;
        let sid = self.believed().await;
        let ended = self.end(sid).await;
        self.never_believes(&ended, "it is believed no more", || !self.believes(&sid)).await;
    }
}
