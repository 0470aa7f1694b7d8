//! Connections that are reopened automatically, and steps that are never taken twice.
//!
//! The crate `redis` provides the protocol and one multiplexed connection. Reconnecting, following a
//! cluster and retrying are done here: the crate's cluster client repeats a command whose answer was
//! lost, and a script that has run must not run again.
//!
//! A [`Router`] finds the `Node` of a slot; a node has a connection that all steps share, and some for
//! steps that wait for replicas; a `Target` is the server that a connection goes to.

mod cluster;
mod config;
mod failure;
mod inspect;
mod node;
mod open;
mod request;
mod router;
mod sentinel;
mod shared_connection;
mod slots;
#[cfg(feature = "near-cache")]
mod subscription;
mod target;
#[cfg(feature = "redis-tls")]
mod tls;
mod wire;

pub(super) use config::{ConnectionConfig, Eviction, Replicas};
pub(super) use failure::Failure;
pub(super) use open::Tls;
pub(super) use request::{Request, Script};
pub(super) use router::Router;
pub(super) use slots::slot;
#[cfg(feature = "near-cache")]
pub(super) use subscription::Subscription;
