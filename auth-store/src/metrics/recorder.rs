//! The names of the metrics, their descriptions, and the recording of a near cache's statistics.
//!
//! [`describe`] passes the descriptions to the recorder that the application installed.

use ::metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
#[cfg(feature = "near-cache")]
use ::metrics::{counter, gauge};

#[cfg(feature = "near-cache")]
use crate::near_cache::NearCacheStats;

pub(crate) const STARTED: &str = "auth_sign_ins_total";
pub(crate) const ENDED: &str = "auth_sign_ins_ended_total";
pub(super) const CALLS: &str = "auth_store_calls_total";
pub(super) const DURATION: &str = "auth_store_call_duration_seconds";
const HITS: &str = "auth_near_cache_hits_total";
const MISSES: &str = "auth_near_cache_misses_total";
const INVALIDATIONS: &str = "auth_near_cache_invalidations_total";
const GENERATION: &str = "auth_near_cache_generation";
const LEASE: &str = "auth_near_cache_lease_seconds";
const ENTRIES: &str = "auth_near_cache_entries";
const BYTES: &str = "auth_near_cache_bytes";

/// Describes the metrics and their units to the installed recorder.
pub fn describe() {
    describe_counter!(STARTED, Unit::Count, "Sign-ins that have started");
    describe_counter!(ENDED, Unit::Count, "Sign-ins that have ended");
    describe_counter!(CALLS, Unit::Count, "Calls of the store of sign-ins");
    describe_histogram!(DURATION, Unit::Seconds, "Duration of calls of the store");
    describe_counter!(HITS, Unit::Count, "Sign-ins served from the near cache");
    describe_counter!(MISSES, Unit::Count, "Sign-ins read from the store");
    describe_counter!(INVALIDATIONS, Unit::Count, "Received announcements of changed sign-ins");
    describe_gauge!(GENERATION, Unit::Count, "Incremented when the lease is lost");
    describe_gauge!(LEASE, Unit::Seconds, "Remaining time for which entries may be served");
    describe_gauge!(ENTRIES, Unit::Count, "Entries of the near cache");
    describe_gauge!(BYTES, Unit::Bytes, "Approximate size of the near cache");
}

#[cfg(feature = "near-cache")]
impl NearCacheStats {
    /// Records these statistics with the installed recorder, under the names in
    /// [`metrics`](crate::metrics).
    ///
    /// The metrics describe a single cache: in a process with several, the statistics that were recorded
    /// last overwrite the others.
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
