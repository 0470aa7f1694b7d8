//! How an application behaves under every backend and framework.
//!
//! A behaviour is a function that takes a [`World`](harness::World): a server on a free port, its
//! store and its clock. It speaks HTTP and names no backend. [`suite!`] makes one test of it for
//! each backend (the list is in `harness/suite.rs`) and each framework. A test whose name begins
//! with `sec_` and a number holds the requirement of that number in `SECURITY.md`.

#![allow(clippy::unwrap_used)] // a panic is how a test fails

#[macro_use]
mod harness;
mod app;

mod access_tokens;
mod administration;
mod ambient;
mod answers;
mod any_of;
mod carts;
mod compile_fail;
mod config_errors;
mod confirming;
mod cookies;
mod cors;
mod credentials;
mod cross_site;
mod devices;
mod ended;
mod events;
mod expiry;
mod given_up;
mod grpc;
mod kinds;
mod limits;
mod outages;
mod races;
mod refresh_tokens;
mod refreshing;
mod requirements;
mod revocation;
mod saving;
mod secrets;
mod signing_in;
mod signing_out;
mod tokens;
mod visitors;
