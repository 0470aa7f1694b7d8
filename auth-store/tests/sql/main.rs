//! The SQL stores over real servers: the conformance suite, outages, conflicts between operations, and
//! what each database does in its own way.

mod announcements;
#[path = "../near_cache/captured.rs"]
mod captured;
mod conflicts;
mod deadlocks;
mod full_disk;
mod kit;
mod migrate;
mod near_cache;
mod outages;
mod plans;
mod pool;
mod poolers;
mod random_steps;
mod read_only;
mod setup;
mod stores;
mod subjects;
#[path = "../support/mod.rs"]
mod support;
mod tidy;
mod time_zones;
#[cfg(feature = "sql-tls")]
mod tls;

use support::sign_in;
