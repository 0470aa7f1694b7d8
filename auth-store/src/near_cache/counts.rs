//! What the cache does, counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use auth_core::SignInId;

/// So many counters of hits, so that requests on several cores do not wait for one.
const LANES: usize = 16;

/// What a near cache has done since it began, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NearCacheStats {
    /// For how long copies may still be believed; none while every request asks the store.
    pub lease: Option<Duration>,
    /// How often the lease was lost.
    pub generation: u64,
    /// How often a copy was shown. What a copy cannot confirm is asked of the store, and counted there,
    /// too.
    pub hits: u64,
    /// How often the store was asked for a sign-in: by requests, and by whoever asks past every copy.
    pub misses: u64,
    /// Announcements of changed sign-ins that were heard, one for each sign-in. This node's own are
    /// among them, and in a Redis Cluster each is heard by way of every primary.
    pub invalidations: u64,
    /// How many copies there are.
    pub entries: usize,
    /// How much they take of the bytes that they may take: each what it has, and an equal share at
    /// least.
    pub bytes: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    hits: [Shard; LANES],
    misses: AtomicU64,
    invalidations: AtomicU64,
}

/// Alone in its cache line.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard(AtomicU64);

impl Counts {
    pub(super) fn hit(&self, sid: &SignInId) {
        let [.., last] = *sid.as_bytes();
        self.hits[usize::from(last) % LANES].0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn invalidated(&self, sign_ins: usize) {
        self.invalidations.fetch_add(sign_ins as u64, Ordering::Relaxed);
    }

    pub(super) fn hits(&self) -> u64 {
        self.hits.iter().map(|lane| lane.0.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    pub(super) fn invalidations(&self) -> u64 {
        self.invalidations.load(Ordering::Relaxed)
    }
}
