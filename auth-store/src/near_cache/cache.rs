//! [`NearCache`], and the decision whether it may answer from an entry.
//!
//! `entries` holds the cached records, and `lease` decides how long they may be used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, SignInId};
use tokio::task::AbortHandle;

use super::entries::{Entries, Entry};
use super::lease::Lease;
use super::stats::{Counts, NearCacheStats};
use crate::watch::Watchers;

/// A cache in this node's memory, in front of a store that several nodes share. A request for a
/// sign-in that this node has seen before needs no round trip.
///
/// The cache is never stale for longer than
/// [`max_staleness`](super::NearCacheBuilder::max_staleness), which defaults to two seconds. Every
/// change reaches every node, and each node verifies that changes still arrive by sending
/// heartbeats on the path of the changes. While the heartbeats do not come back, the store answers
/// every request. A change that was not announced is seen after
/// [`max_age`](super::NearCacheBuilder::max_age) at the latest. The [module documentation](super)
/// states the whole contract.
///
/// An entry can only confirm a sign-in. The store decides everything that an entry cannot confirm,
/// in particular whether a sign-in was idle for too long. Routes that cannot accept any staleness
/// always read from the store with [`Require::revalidated`](auth_core::Require::revalidated).
pub struct NearCache<S> {
    pub(super) inner: Arc<NearCacheInner<S>>,
    pub(super) listener: Option<AbortHandle>,
}

/// What the cache shares with its listener.
pub(super) struct NearCacheInner<S> {
    pub(super) store: S,
    pub(super) entries: Entries,
    pub(super) freshness: Freshness,
    /// How long an entry may be used, whatever the lease says.
    pub(super) max_age: Duration,
    pub(super) counts: Counts,
    pub(super) clock: Clock,
    /// The tasks that wait for a change of a sign-in.
    pub(super) watchers: Watchers,
}

/// When an entry may be used.
pub(super) enum Freshness {
    /// While the lease proves that every change arrives.
    Leased(Lease),
    /// For this long after it was loaded, because the store announces nothing.
    Ttl(Duration),
}

impl<S> NearCacheInner<S> {
    /// Drops every entry, because any sign-in may have changed.
    pub(super) fn invalidate_all(&self) {
        self.entries.clear();
        self.watchers.wake_all();
    }

    /// Drops the entry of a sign-in that has changed.
    pub(super) fn invalidate(&self, id: &SignInId) {
        self.entries.remove(id);
        self.watchers.wake(id);
    }

    /// Returns the entry of this sign-in, if it may be used now.
    pub(super) fn fresh_entry(&self, id: &SignInId) -> Option<Arc<Entry>> {
        let now = self.clock.monotonic();
        match &self.freshness {
            Freshness::Leased(lease) if !lease.holds(now) => None,
            _ => self.entries.get(id).filter(|entry| now < entry.usable_until),
        }
    }

    /// Returns until when a record that was loaded at this time may be used.
    ///
    /// Each record is used for up to a quarter less than the maximum age, by its id, so that records
    /// that were loaded together are not loaded together again.
    pub(super) fn usable_until(&self, id: &SignInId, loaded_at: Duration) -> Duration {
        let [.., last] = *id.as_bytes();
        let age = match &self.freshness {
            Freshness::Leased(_) => self.max_age - self.max_age / 1024 * u32::from(last),
            Freshness::Ttl(ttl) => *ttl,
        };
        loaded_at.saturating_add(age)
    }
}

impl<S> NearCache<S> {
    /// Returns the cache's statistics.
    #[must_use]
    pub fn stats(&self) -> NearCacheStats {
        let NearCacheInner { entries, freshness, counts, clock, .. } = &*self.inner;
        let (lease, generation) = match freshness {
            Freshness::Leased(lease) => (lease.remaining(clock.monotonic()), lease.generation()),
            Freshness::Ttl(ttl) => (Some(*ttl), 0),
        };
        NearCacheStats {
            lease,
            generation,
            hits: counts.hits(),
            misses: counts.misses(),
            invalidations: counts.invalidations(),
            entries: entries.len(),
            bytes: entries.bytes(),
        }
    }

    /// Returns the store behind the cache.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.inner.store
    }
}

impl<S> Drop for NearCache<S> {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl<S> fmt::Debug for NearCache<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stats().fmt(f)
    }
}
