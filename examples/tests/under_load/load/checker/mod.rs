//! Checks a history against what the service guarantees.
//!
//! The checks are pure functions over recorded calls, so each has unit tests with samples of histories.

mod carts;
mod check;
mod roles;
#[cfg(test)]
pub(super) mod samples;
mod sign_ins;

pub(super) use check::{Guarantees, check};
pub(crate) use check::{Loss, Violation};
pub(super) use sign_ins::served_for;
