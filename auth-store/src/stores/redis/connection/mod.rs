//! Connections that come back by themselves, and steps that are never taken twice.
//!
//! The crate `redis` brings the protocol and one multiplexed connection. What it would do beyond
//! that, to reconnect, to follow a cluster and to try again, is done here: its cluster client
//! repeats a command whose answer was lost, and a script that has run must not run again.

mod bytes;
mod call;
mod cluster;
mod failure;
mod followed;
mod link;
#[cfg(feature = "near-cache")]
mod listen;
mod map;
mod node;
mod open;
mod place;
mod request;
mod router;
mod sentinel;
mod settings;
mod slot;
mod stream;
#[cfg(feature = "redis-tls")]
mod tls;
mod vet;
mod wire;

pub(super) use failure::Failure;
#[cfg(feature = "near-cache")]
pub(super) use listen::Subscription;
pub(super) use request::{Request, Script};
pub(super) use router::Router;
pub(super) use settings::{ConnectionConfig, Eviction, Replicas};
pub(super) use slot::slot;
pub(super) use stream::Tls;
