//! What a near cache has done.

use ::metrics::{counter, gauge};

use super::names::{BYTES, ENTRIES, GENERATION, HITS, INVALIDATIONS, LEASE, MISSES};
use crate::near_cache::NearCacheStats;

impl NearCacheStats {
    /// Hands these numbers to the recorder that is installed, under the names of
    /// [`metrics`](crate::metrics). They are those of one cache: a process that has several shows the
    /// one that came last.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    pub fn record(&self) {
        counter!(HITS).absolute(self.hits);
        counter!(MISSES).absolute(self.misses);
        counter!(INVALIDATIONS).absolute(self.invalidations);
        gauge!(GENERATION).set(self.generation as f64);
        gauge!(LEASE).set(self.lease.unwrap_or_default().as_secs_f64());
        gauge!(ENTRIES).set(self.entries as f64);
        gauge!(BYTES).set(self.bytes as f64);
    }
}
