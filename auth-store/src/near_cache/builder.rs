//! [`NearCacheBuilder`], the configuration of a near cache.
//!
//! It builds a cache in front of a store that announces its changes, or one with a TTL.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;

use super::announce::AnnouncingStore;
use super::cache::{Freshness, NearCache, NearCacheInner};
use super::entries::Entries;
use super::lease::Lease;
use super::listener;
use super::stats::Counts;
use crate::watch::Watchers;

/// Builds a [`NearCache`].
///
/// ```no_run
/// # async fn example() -> Result<(), auth_store::RedisSetupError> {
/// use std::time::Duration;
///
/// use auth_store::RedisStore;
/// use auth_store::near_cache::NearCache;
///
/// let store = RedisStore::connect("redis://127.0.0.1").await?;
/// let store = NearCache::<RedisStore>::builder()
///     .max_staleness(Duration::from_secs(1))
///     .max_entries(500_000)
///     .max_bytes(512 * 1024 * 1024)
///     .build(store);
/// # let _ = store; Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct NearCacheBuilder {
    max_staleness: Duration,
    max_age: Duration,
    max_entries: usize,
    max_bytes: u64,
    clock: Clock,
}

impl Default for NearCacheBuilder {
    fn default() -> Self {
        Self {
            max_staleness: Duration::from_secs(2),
            max_age: Duration::from_secs(60),
            max_entries: 100_000,
            max_bytes: 64 * 1024 * 1024,
            clock: Clock::system(),
        }
    }
}

impl NearCacheBuilder {
    /// Sets for how long the cache may answer from an entry after its sign-in has changed elsewhere.
    /// Defaults to two seconds. The node sends four heartbeats in this time.
    ///
    /// # Panics
    ///
    /// Panics if it is shorter than 100 milliseconds.
    pub fn max_staleness(self, max_staleness: Duration) -> Self {
        let shortest = Duration::from_millis(100);
        assert!(max_staleness >= shortest, "`max_staleness` must be at least 100 milliseconds");
        Self { max_staleness, ..self }
    }

    /// Sets the maximum time for which an entry is used before its sign-in is read from the store again.
    /// Defaults to one minute. Each entry is used for up to a quarter less, depending on its id.
    ///
    /// If a change was not announced, the cache sees it after this time at the latest: a record that was
    /// changed by hand, or a change that a fault of a server or of the network has hidden.
    ///
    /// # Panics
    ///
    /// Panics if it is shorter than one second.
    pub fn max_age(self, max_age: Duration) -> Self {
        assert!(max_age >= Duration::from_secs(1), "`max_age` must be at least 1 second");
        Self { max_age, ..self }
    }

    /// Sets how many sign-ins the cache holds at most. Defaults to 100,000.
    ///
    /// # Panics
    ///
    /// Panics if it is 0.
    pub fn max_entries(self, max_entries: usize) -> Self {
        assert!(max_entries > 0, "`max_entries` must be at least 1");
        Self { max_entries, ..self }
    }

    /// Sets how many bytes the entries take at most. Defaults to 64 MiB. See
    /// [how much memory a sign-in takes](super#memory).
    pub fn max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets the clock, of which only the [monotonic](Clock::monotonic) time is used. Defaults to the
    /// system's clock.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Builds a cache in front of a store that announces its changes.
    ///
    /// # Panics
    ///
    /// Panics outside of a Tokio runtime, because the cache listens in a task of its own.
    #[must_use]
    pub fn build<S: AnnouncingStore>(self, store: S) -> NearCache<S> {
        let max_staleness = self.max_staleness;
        let inner = self.inner(store, Freshness::Leased(Lease::default()));
        let listener = tokio::spawn(listener::run(Arc::downgrade(&inner), max_staleness));
        NearCache { inner, listener: Some(listener.abort_handle()) }
    }

    /// Builds a cache in front of a store that announces nothing. An entry is used for at most `ttl`, which
    /// replaces [`max_age`](Self::max_age). For that long, this node may accept a sign-in that another node has
    /// ended.
    #[must_use]
    pub fn with_ttl<S>(self, store: S, ttl: Duration) -> NearCache<S> {
        NearCache { inner: self.inner(store, Freshness::Ttl(ttl)), listener: None }
    }

    fn inner<S>(self, store: S, freshness: Freshness) -> Arc<NearCacheInner<S>> {
        let entries = Entries::new(self.max_entries, self.max_bytes);
        let (counts, watchers) = (Counts::default(), Watchers::default());
        let Self { max_age, clock, .. } = self;
        Arc::new(NearCacheInner { store, entries, freshness, max_age, counts, clock, watchers })
    }
}

impl<S> NearCache<S> {
    /// Returns a builder for options other than the defaults.
    pub fn builder() -> NearCacheBuilder {
        NearCacheBuilder::default()
    }
}

impl<S: AnnouncingStore> NearCache<S> {
    /// Creates a cache with the defaults, in front of a store that announces its changes.
    ///
    /// # Panics
    ///
    /// Panics outside of a Tokio runtime, because the cache listens in a task of its own.
    #[must_use]
    pub fn new(store: S) -> Self {
        NearCacheBuilder::default().build(store)
    }
}
