//! What stores and caches do, counted for the recorder of the crate `metrics` that the
//! application installs. Without one, nothing is kept.
//!
//! | name | kind | labels | what |
//! |---|---|---|---|
//! | `auth_store_calls_total` | counter | `op`, `outcome` | calls of a store: which, and whether it was `ok`, `unavailable`, `taken` or `invalid` |
//! | `auth_store_call_duration_seconds` | histogram | `op` | how long they took |
//! | `auth_near_cache_hits_total` | counter | | how often a copy was shown |
//! | `auth_near_cache_misses_total` | counter | | how often the store was asked for a sign-in |
//! | `auth_near_cache_invalidations_total` | counter | | announcements of changed sign-ins that were heard, this node's own among them; in a Redis Cluster by way of every primary |
//! | `auth_near_cache_generation` | gauge | | grows when the lease is lost, and when listening begins |
//! | `auth_near_cache_lease_seconds` | gauge | | for how long copies may still be believed; 0 while none is |
//! | `auth_near_cache_entries` | gauge | | how many copies there are |
//! | `auth_near_cache_bytes` | gauge | | how many bytes they take, about |
//!
//! A [`InstrumentedStore`] store counts its calls. A near cache counts by itself, and
//! [`NearCacheStats::record`](crate::near_cache::NearCacheStats::record) hands the numbers on
//! whenever they are wanted: before they are scraped, or now and then. A request that the cache
//! answers costs nothing more for it.
//!
//! ```
//! # async fn serve() {}
//! # #[cfg(feature = "near-cache")]
//! # async fn example(store: impl auth_store::near_cache::Announces) {
//! use std::sync::Arc;
//!
//! use auth_store::metrics::{InstrumentedStore, describe};
//! use auth_store::near_cache::NearCache;
//!
//! describe();
//! let cache = Arc::new(NearCache::new(InstrumentedStore::new(store)));
//! // SessionAuth::new(Arc::clone(&cache)), and where the metrics are shown:
//! cache.status().record();
//! # }
//! ```

#[cfg(feature = "near-cache")]
mod announces;
mod describe;
mod metered;
mod names;
#[cfg(feature = "near-cache")]
mod status;

pub use describe::describe;
pub use metered::InstrumentedStore;
