//! Two nodes on the same servers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth_core::{Clock, SignInId};
use auth_store::near_cache::NearCache;
use auth_store::{Peek, RedisStore, Store, StoreErrorKind};
use tokio::time::sleep;

use crate::sign_in::draft;

pub(crate) const BOUND: Duration = Duration::from_secs(1);
const LONG_ENOUGH: Duration = Duration::from_secs(30);

/// A node with a near cache, and another that ends sign-ins.
pub(crate) struct Nodes {
    pub(crate) here: NearCache<RedisStore>,
    pub(crate) there: RedisStore,
    url: String,
    prefix: String,
    clock: Clock,
}

/// A sign-in that the other node has ended, and when at the latest.
pub(crate) struct Ended(SignInId, Duration);

impl Nodes {
    /// Both on these servers.
    pub(crate) async fn on(url: String) -> Self {
        Self::by(url.clone(), url).await
    }

    /// The one with the cache reaches the servers in a way of its own.
    pub(crate) async fn by(here: String, there: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("near{}:", NUMBER.fetch_add(1, Ordering::Relaxed));
        let timeout = Duration::from_millis(500);
        let store = |url| RedisStore::builder(url).prefix(&prefix).timeout(timeout);
        let here = store(here).connect().await.expect("they run");
        let url = there.clone();
        let there = store(there).connect().await.expect("they run");
        let here = NearCache::<RedisStore>::builder().max_staleness(BOUND).build(here);
        let nodes = Self { here, there, url, prefix, clock: Clock::system() };
        nodes.until("there is a lease", || nodes.has_lease()).await;
        nodes
    }

    /// One more, which starts now.
    pub(crate) async fn another(&self) -> RedisStore {
        let another = RedisStore::builder(self.url.clone()).prefix(self.prefix.clone());
        another.connect().await.expect("they run")
    }

    /// What the keys of a sign-in begin with.
    pub(crate) fn base(&self, sid: &SignInId) -> String {
        let [high, low, ..] = *sid.as_bytes();
        format!("{}{{{high:02x}{low:02x}}}:", self.prefix)
    }

    pub(crate) fn has_lease(&self) -> bool {
        self.here.stats().lease.is_some()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.here.stats().generation
    }

    /// Whether the copy of a sign-in is believed here.
    pub(crate) fn believes(&self, sid: &SignInId) -> bool {
        let mut believes = false;
        self.here.peek(sid, &mut |peek| believes = matches!(peek, Peek::Cached(_)));
        believes
    }

    /// A sign-in that is believed here.
    pub(crate) async fn believed(&self) -> SignInId {
        loop {
            // A new one may be lost with a primary that nobody expected to be replaced.
            let sid = sign_in_again(&self.there).await;
            if self.learns(&sid).await {
                return sid;
            }
        }
    }

    /// Asks for a sign-in until its copy is believed.
    pub(crate) async fn learn(&self, sid: &SignInId) {
        assert!(self.learns(sid).await, "it was not ended");
    }

    /// Asks for a sign-in until its copy is believed, or it is gone.
    async fn learns(&self, sid: &SignInId) -> bool {
        let start = self.clock.monotonic();
        loop {
            match self.here.load(sid).await {
                Ok(None) => return false,
                Ok(Some(_)) if self.believes(sid) => return true,
                Ok(Some(_)) => {}
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
            }
            assert!(self.clock.monotonic() < start + LONG_ENOUGH, "it is not believed again");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ends a sign-in elsewhere, as soon as that can be done.
    pub(crate) async fn end(&self, sid: SignInId) -> Ended {
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
    pub(crate) async fn never_believes(&self, ended: &Ended, event: &str, done: impl Fn() -> bool) {
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
    pub(crate) async fn until(&self, event: &str, done: impl Fn() -> bool) {
        let start = self.clock.monotonic();
        while !done() {
            assert!(self.clock.monotonic() < start + LONG_ENOUGH, "waited until {event}");
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// The copy is not believed any more, as soon as the bound is over.
    pub(crate) async fn doubts(&self, sid: &SignInId, since: Duration) {
        self.until("the bound is over", || self.clock.monotonic() > since + BOUND).await;
        assert!(!self.believes(sid) && !self.has_lease());
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// All is well again: sign-ins are believed, and their ends are heard of.
    pub(crate) async fn recovers(&self) {
        self.until("there is a lease again", || self.has_lease()).await;
        let sid = self.believed().await;
        let ended = self.end(sid).await;
        self.never_believes(&ended, "it is believed no more", || !self.believes(&sid)).await;
    }
}

/// Signs in as soon as the servers take it.
async fn sign_in_again(store: &RedisStore) -> SignInId {
    loop {
        let (_, record) = draft(store, Some("ada"));
        let sid = record.sid;
        if store.create(record, None).await.is_ok() {
            return sid;
        }
        sleep(Duration::from_millis(10)).await;
    }
}
