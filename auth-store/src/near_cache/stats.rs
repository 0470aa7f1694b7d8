//! [`NearCacheStats`], and the counters behind them.
//!
//! The counters of hits are spread over several cache lines, because every request increments one.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_core::SignInId;

use crate::striped::Striped;

/// The number of hit counters. With several, requests on different cores do not contend for one.
const SHARDS: usize = 16;

/// The statistics of a near cache since it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearCacheStats {
    /// For how long entries may still be used: the rest of the [lease](super#the-contract). `None` while
    /// the store answers every request.
    pub lease: Option<Duration>,
    /// A counter that is incremented when the lease is lost and when listening begins.
    pub generation: u64,
    /// The number of times that an entry was used. If it could not confirm the request, the store was
    /// read as well, and `misses` counts that.
    pub hits: u64,
    /// The number of times that a sign-in was read from the store, including reads that always bypass
    /// the cache.
    pub misses: u64,
    /// The number of announced changes, one for each sign-in, including this node's own changes. In
    /// a Redis Cluster, each change arrives through every primary and counts as often.
    pub invalidations: u64,
    /// The number of entries.
    pub entries: usize,
    /// How many of `max_bytes` the entries take. Each counts at least as `max_bytes` divided by
    /// `max_entries`.
    pub bytes: u64,
}

/// The counters behind [`NearCacheStats`].
#[derive(Debug)]
pub(super) struct Counts {
    hits: Striped<Shard>,
    misses: Shard,
    invalidations: Shard,
}

/// A counter with a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(AtomicU64);

impl Default for Counts {
    fn default() -> Self {
        let (misses, invalidations) = (Shard::default(), Shard::default());
        Self { hits: Striped::new(SHARDS), misses, invalidations }
    }
}

impl Counts {
    pub(super) fn hit(&self, id: &SignInId) {
        self.hits.of(id).0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.misses.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn invalidated(&self, sign_ins: usize) {
        self.invalidations.0.fetch_add(sign_ins as u64, Ordering::Relaxed);
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits.all().iter().map(|shard| shard.0.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn misses(&self) -> u64 {
        self.misses.0.load(Ordering::Relaxed)
    }

    pub(super) fn invalidations(&self) -> u64 {
        self.invalidations.0.load(Ordering::Relaxed)
    }
}
