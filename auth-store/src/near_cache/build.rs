//! How a near cache is configured.

use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;

use super::announce::Announces;
use super::copies::Entries;
use super::counts::Counts;
use super::lease::Lease;
use super::listen;
use super::near::{NearCache, NearCacheInner, Trust};
use crate::watch::Watchers;

/// Puts a [`NearCache`] together.
#[derive(Clone, Debug)]
#[must_use]
pub struct NearCacheBuilder {
    pub(super) max_staleness: Duration,
    max_entries: usize,
    max_bytes: u64,
    clock: Clock,
}

impl Default for NearCacheBuilder {
    fn default() -> Self {
        Self {
            max_staleness: Duration::from_secs(2),
            max_entries: 100_000,
            max_bytes: 64 * 1024 * 1024,
            clock: Clock::system(),
        }
    }
}

impl NearCacheBuilder {
    /// For how long a change may go unheard, at most: two seconds otherwise. Beats are sent four
    /// times as often.
    ///
    /// # Panics
    /// If it is shorter than 100 milliseconds.
    pub fn max_staleness(self, max_staleness: Duration) -> Self {
        assert!(max_staleness >= Duration::from_millis(100), "a bound of 100 milliseconds or more");
        Self { max_staleness, ..self }
    }

    /// For how many sign-ins there is room: 100 000 otherwise.
    ///
    /// # Panics
    /// If it is 0.
    pub fn max_entries(self, max_entries: usize) -> Self {
        assert!(max_entries > 0, "room for one sign-in or more");
        Self { max_entries, ..self }
    }

    /// How many bytes copies may take: 64 MiB otherwise. See
    /// [how much memory a sign-in takes](super#memory).
    pub fn max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// The clock, of which only the [monotonic](Clock::monotonic) time counts.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// A cache in front of a store that announces what it changes.
    ///
    /// # Panics
    /// Outside of a tokio runtime: it listens in a task of its own.
    #[must_use]
    pub fn build<S: Announces>(self, store: S) -> NearCache<S> {
        let bound = self.max_staleness;
        let shared = self.shared(store, Trust::Heard(Lease::default()));
        let listener = tokio::spawn(listen::forever(Arc::downgrade(&shared), bound));
        NearCache { shared, listener: Some(listener.abort_handle()) }
    }

    /// A cache in front of a store that announces nothing: a sign-in that another node ends is
    /// believed here for up to `staleness`.
    #[must_use]
    pub fn with_ttl<S>(self, store: S, staleness: Duration) -> NearCache<S> {
        NearCache { shared: self.shared(store, Trust::Aged(staleness)), listener: None }
    }

    fn shared<S>(self, store: S, trust: Trust) -> Arc<NearCacheInner<S>> {
        let copies = Entries::new(self.max_entries, self.max_bytes);
        let (counts, watchers) = (Counts::default(), Watchers::default());
        Arc::new(NearCacheInner { store, copies, trust, counts, clock: self.clock, watchers })
    }
}

impl<S> NearCache<S> {
    /// How to configure one.
    pub fn builder() -> NearCacheBuilder {
        NearCacheBuilder::default()
    }
}

impl<S: Announces> NearCache<S> {
    /// A cache in front of a store that announces what it changes, with a bound of two seconds.
    ///
    /// # Panics
    /// Outside of a tokio runtime: it listens in a task of its own.
    #[must_use]
    pub fn new(store: S) -> Self {
        NearCacheBuilder::default().build(store)
    }
}
