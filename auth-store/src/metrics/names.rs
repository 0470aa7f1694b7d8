//! The names.

pub(super) const CALLS: &str = "auth_store_calls_total";
pub(super) const DURATION: &str = "auth_store_call_duration_seconds";
pub(super) const HITS: &str = "auth_near_cache_hits_total";
pub(super) const MISSES: &str = "auth_near_cache_misses_total";
pub(super) const INVALIDATIONS: &str = "auth_near_cache_invalidations_total";
pub(super) const GENERATION: &str = "auth_near_cache_generation";
pub(super) const LEASE: &str = "auth_near_cache_lease_seconds";
pub(super) const ENTRIES: &str = "auth_near_cache_entries";
pub(super) const BYTES: &str = "auth_near_cache_bytes";
