//! The behaviour suite: how an application behaves with every backend and framework.
//!
//! A behaviour is a function that takes a [`World`](harness::World): a server on a free port, its
//! store and its clock. It sends HTTP requests and names no backend. [`suite!`] makes a test of it for
//! each backend (the list is in `harness/suite.rs`) and each framework. A test whose name begins
//! with `sec_` and a number checks the requirement of that number in `SECURITY.md`.
//!
//! As a test, the suite runs over the stores of this workspace, and has tests of other things as well. As the
//! library `auth-behaviour`, it has the behaviours alone, and `run` puts the store of another workspace
//! through them. It leaves out `grpc`, which starts nginx, and `tokens`, which is about tokens that have no
//! stored sign-in, or whose sign-ins other modules cover.

#![allow(clippy::unwrap_used)] // a panic is how a test fails
#![cfg_attr(not(test), allow(dead_code, unused_imports, unused_macros))] // what only other tests use

#[macro_use]
mod harness;
mod app;

mod access_tokens;
mod acting_for_another;
mod acting_user;
mod administration;
#[cfg(test)]
mod ambient_credentials;
mod any_of;
mod cancelled_saves;
#[cfg(test)]
mod config_errors;
#[cfg(test)]
mod conformance;
mod cookies;
#[cfg(test)]
mod cors;
mod credentials;
mod cross_site;
mod devices;
#[cfg(test)]
mod documentation;
mod end_of_sign_in;
mod events;
mod expiry;
mod failed_logins;
#[cfg(test)]
mod grpc;
mod late_cookies;
mod login_redirect;
mod outages;
#[cfg(test)]
mod programs;
mod provider_sessions;
mod races;
mod reauthentication;
mod refresh_tokens;
mod refreshes;
mod requirements;
mod responses;
mod revalidation;
mod revocation;
mod saves;
mod second_factor;
mod secret_kinds;
mod secrets;
mod session_data;
mod sign_in_events;
mod sign_in_limits;
mod signing_in;
mod signing_out;
#[cfg(test)]
mod telemetry;
mod test_users;
mod throttling;
#[cfg(test)]
mod tokens;
mod undelivered;
mod user_checks;
mod visitors;

#[cfg(not(test))]
pub use harness::run;
