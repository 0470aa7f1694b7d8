//! The conformance suite that every implementation of [`Store`](crate::Store) has to pass.
//!
//! Each [`Check`] in [`CHECKS`] verifies one rule of the contract: what an operation returns, what it
//! changes, what it leaves alone, and that it holds under concurrency. The suite uses only the trait,
//! takes ids from [`Store::new_id`](crate::Store::new_id), and does not depend on the speed of an answer,
//! so that it also works for a store behind a network. A number in a check's name, as in `sec_21`, is that
//! of the security requirement it covers.
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
//! [`conformance_tests!`](crate::conformance_tests) makes each check a test of its own. The suite needs a
//! Tokio runtime. A check that takes longer than two minutes fails, and its report names the calls that have
//! not returned. It finds races by chance: a multi-threaded runtime finds more of them, and so do
//! repeated runs.
//!
//! Some checks need a certain kind of store and are run separately:
//!
//! - [`check_failing`] needs a store whose backend is down;
//! - [`check_capacity`] needs a store of known capacity;
//! - [`check_durability`] opens a store again, which must still have everything that it acknowledged;
//! - [`check_unreadable`] damages records, which must not block the end of a sign-in;
//! - [`check_lost_answers`] makes a store report changes as failed although it has made them;
//! - [`check_watching`] is for stores that report changes, and for wrappers of them. A wrapper that does
//!   not forward [`watch`](crate::Store::watch) fails it.
//!
//! # What the contract does not require
//!
//! - Removing sign-ins at the moment they expire, or keeping them until [`sweep`](crate::Store::sweep).
//!   The suite's expired sign-ins expired a day ago, and its active ones are active by the system's clock.
//! - An order of sign-ins that were created in the same millisecond.
//! - Reporting changes. Without a watch, callers poll.
//! - Returning only current copies as [`Cached`](crate::Peek::Cached).
#![doc = include_str!("faults.md")]

mod assertions;
mod bounds;
mod capacity;
mod changes;
mod create;
mod dropped;
mod durability;
mod ends;
mod failing;
mod fixtures;
mod limits;
mod lookup;
mod observed;
mod parallel;
mod race_changes;
mod race_ends;
mod race_subjects;
mod report;
mod secrets;
mod subjects;
mod suite;
mod unreadable;
mod watch;

pub use capacity::check_capacity;
pub use durability::check_durability;
pub use failing::check_failing;
pub use report::{Report, Violation};
pub use suite::{CHECKS, Check, check, run};
pub use unreadable::check_unreadable;
pub use watch::{check_lost_answers, check_watching};
