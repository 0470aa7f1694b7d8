//! Metrics of sign-ins, stores and near caches, for the recorder of the crate `metrics` that the application
//! installs. Without a recorder, nothing is kept.
//!
//! | name | kind | labels | meaning |
//! |---|---|---|---|
//! | `auth_sign_ins_total` | counter | `kind` | sign-ins that have started, by the kind of their secret: `session`, `bearer`, `refresh`, or the name of a custom kind. A pending one counts when it is finished, and one in which a user acts for another counts as well |
//! | `auth_sign_ins_ended_total` | counter | `reason` | sign-ins that have ended, except for pending ones unless they are revoked: `signed out`, `revoked`, `evicted` by the limit, `expired`, `replaced` by one of another user or another kind, `refused` by the check of the user, ended by the `provider`, because a refresh token was `reused`, or, if a user acted for another, because the user has `stopped acting` or the sign-in of the `actor` has ended. Expired ones, and those whose actor's has ended, count only if they are used again |
//! | `auth_store_calls_total` | counter | `op`, `outcome` | calls of a store: the method, or `listen` and `beat` for the announcements to a near cache, and `ok`, `unavailable`, `duplicate_id`, `invalid`, `contended` or `out_of_bounds` |
//! | `auth_store_call_duration_seconds` | histogram | `op` | duration of the calls |
//! | `auth_near_cache_hits_total` | counter | | sign-ins served from the cache |
//! | `auth_near_cache_misses_total` | counter | | sign-ins read from the store |
//! | `auth_near_cache_invalidations_total` | counter | | received announcements of changed sign-ins, including this node's own; in a Redis Cluster, one from every primary |
//! | `auth_near_cache_generation` | gauge | | incremented when the lease is lost and when listening begins |
//! | `auth_near_cache_lease_seconds` | gauge | | remaining time for which entries may be served; 0 without a lease |
//! | `auth_near_cache_entries` | gauge | | number of entries |
//! | `auth_near_cache_bytes` | gauge | | approximate size of the entries in bytes |
//!
//! An [`InstrumentedStore`] counts the calls of the store that it wraps. A near cache keeps its own
//! statistics; [`NearCacheStats::record`](crate::near_cache::NearCacheStats::record) passes them to the
//! recorder whenever the application calls it: periodically, or before the metrics are scraped. So the
//! metrics cost nothing on a request that the cache serves.
//!
//! ```
//! # async fn serve() {}
//! # #[cfg(feature = "near-cache")]
//! # async fn example(store: impl auth_store::near_cache::AnnouncingStore) {
//! use std::sync::Arc;
//!
//! use auth_store::metrics::{InstrumentedStore, describe};
//! use auth_store::near_cache::NearCache;
//!
//! describe();
//! let cache = Arc::new(NearCache::new(InstrumentedStore::new(store)));
//! // Pass `Arc::clone(&cache)` to `SessionAuth::new`. In the handler that serves the metrics:
//! cache.stats().record();
//! # }
//! ```

mod instrumented_store;
mod recorder;

pub use instrumented_store::InstrumentedStore;
pub use recorder::describe;
pub(crate) use recorder::{ENDED, STARTED};
