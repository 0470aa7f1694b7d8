//! The store in Redis keeps the contract on one server, under Sentinel and in a cluster, while servers
//! hang, end and are replaced.

mod announcements;
#[path = "../near_cache/captured.rs"]
mod captured;
mod conformance;
mod end_watchers;
mod failover_losses;
mod full_servers;
mod indexes;
mod keys;
mod lost_answers;
mod near_cache;
mod outages;
mod replaced_primaries;
mod replicas;
mod setup;
mod size;
mod stores;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "redis-tls")]
mod tls;

use support::sign_in;
