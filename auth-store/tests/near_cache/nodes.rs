//! Two nodes with near caches over one store, and a clock that the test turns.

use std::time::Duration;

use auth_core::{ManualClock, SignInId, Timestamp};
use auth_store::near_cache::NearCache;
use auth_store::{Deadlines, Lifetime, Peek, Record, Secret, SecretKind, Store, Watch};

use crate::announcing::Announcing;

pub(crate) const MAX_STALENESS: Duration = Duration::from_secs(2);
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Two nodes that share a store and a clock.
pub(crate) struct Nodes {
    pub(crate) store: Announcing,
    pub(crate) clock: ManualClock,
    pub(crate) near: NearCache<Announcing>,
    pub(crate) remote: NearCache<Announcing>,
}

impl Nodes {
    /// Starts both, and waits until they have leases.
    pub(crate) async fn start() -> Self {
        let store = Announcing::new();
        let clock = ManualClock::new(Timestamp::from_secs(1000));
        let node = || {
            NearCache::<Announcing>::builder()
                .max_staleness(MAX_STALENESS)
                .clock(clock.clock())
                .build(store.clone())
        };
        let nodes = Self { near: node(), remote: node(), store, clock };
        until(|| nodes.near.stats().lease.is_some() && nodes.remote.stats().lease.is_some()).await;
        nodes
    }

    pub(crate) async fn sign_in(&self) -> SignInId {
        sign_in(&self.store).await
    }

    /// Stores a sign-in, and loads it into the near cache.
    pub(crate) async fn cached_sign_in(&self) -> SignInId {
        let id = self.sign_in().await;
        self.near.load(&id).await.unwrap().unwrap();
        assert!(is_cached(&self.near, &id));
        id
    }

    /// Caches a sign-in, and ends it on the other node while no announcement arrives.
    pub(crate) async fn unnoticed_end(&self) -> SignInId {
        let id = self.cached_sign_in().await;
        self.store.lose(true);
        self.remote.delete(&id).await.unwrap();
        assert!(is_cached(&self.near, &id), "the end did not arrive");
        id
    }

    /// Stores a sign-in, and watches it on the near node.
    pub(crate) async fn watched_sign_in(&self) -> (SignInId, Watch) {
        let id = self.sign_in().await;
        let watch = self.near.watch(&id).expect("there is a lease");
        (id, watch)
    }
}

/// Stores a sign-in of `alice`.
pub(crate) async fn sign_in(store: &impl Store) -> SignInId {
    let id = store.new_id(Some("alice")).unwrap();
    let now = Timestamp::from_secs(1000);
    let digests = Secret::generate(id).unwrap().digests(SecretKind::Cookie);
    let deadlines = Deadlines::starting(Lifetime::AAL1, now);
    let record = Record::new(id, SecretKind::Cookie, digests, Some("alice".into()), deadlines, now);
    store.create(record, None).await.unwrap();
    id
}

/// Returns whether the cache answers for this sign-in.
pub(crate) fn is_cached(cache: &impl Store, id: &SignInId) -> bool {
    let mut cached = false;
    cache.peek(id, &mut |peek| cached = matches!(peek, Peek::Cached(_)));
    cached
}

/// Waits for a condition that other tasks bring about.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    let all = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, all).await.expect("the condition is met in time");
}
