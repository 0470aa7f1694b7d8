//! The store in Redis keeps the contract: on one server, under Sentinel and in a cluster, while
//! servers hang, end and change places.

mod bus;
#[path = "../near_cache/captured.rs"]
mod captured;
mod cluster;
mod keys;
mod lost;
mod lost_answers;
mod near_cache;
mod outages;
mod replaced;
mod replicas;
mod room;
mod sentinel;
mod setup;
mod single;
mod size;
mod stores;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "redis-tls")]
mod tls;
mod waiting;

use support::sign_in;
