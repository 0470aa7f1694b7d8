//! The behaviour suite that every implementation of [`Store`](crate::Store) has to pass.
//!
//! Each [`Check`] in [`CHECKS`] is one rule of the contract: what an operation answers, what it
//! changes, what it leaves alone, and that it holds when many do it at once. The kit speaks to the
//! store through the trait alone, takes ids from [`Store::new_id`](crate::Store::new_id), and never
//! counts on an answer being there at once, so that it serves a store behind a network as well. A
//! number in a check's name, as in `sec_21`, is that of the security requirement it covers.
//!
//! ```
//! use auth_store::{MemoryStore, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = conformance::run(async || MemoryStore::new()).await;
//! assert!(report.checked() > 50);
//! report.assert_passed();
//! # }
//! ```
//!
//! [`conformance_tests!`](crate::conformance_tests) makes a test of each check. The kit needs the
//! Tokio runtime that it is run on. Races are met by chance: a runtime of several threads finds
//! more of them, and so do several runs.
//!
//! Two parts need a store in a certain state: [`check_failing`] one whose backend is down, and
//! [`check_capacity`] one that is full soon. [`check_watching`] is for stores that tell of changes, and for
//! what is wrapped around them: a wrapper that forgets to pass a watch on is a store that gives out none.
//!
//! # What a store need not do
//!
//! - Collect at the moment of expiry, or wait for [`sweep`](crate::Store::sweep): sign-ins that the
//!   kit calls expired have been so for a day, and the living ones live on by the system's clock.
//! - Keep an order among sign-ins that were created in the same millisecond.
//! - Tell of changes: whoever gets no watch asks again and again. [`check_watching`] asks for it.
//! - Keep a copy up to date that it only calls a [`Copy`](crate::Peek::Cached).

mod capacity;
mod changes;
mod create;
mod ends;
mod expect;
mod failing;
mod fixtures;
mod limits;
mod look;
mod parallel;
mod race_changes;
mod race_ends;
mod race_subjects;
mod report;
mod secrets;
mod subjects;
mod suite;
mod watch;

pub use capacity::check_capacity;
pub use failing::check_failing;
pub use report::{Report, Violation};
pub use suite::{CHECKS, Check, check, run};
pub use watch::check_watching;
