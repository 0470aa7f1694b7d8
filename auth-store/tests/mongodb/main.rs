//! The store in MongoDB, over a server that speaks its protocol: the conformance suite, outages, conflicts, and
//! what the store asks of the server.

mod conflicts;
#[path = "../support/error_text.rs"]
mod error_text;
mod evictions;
mod failures;
mod kit;
mod lost_answers;
#[path = "../support/outages.rs"]
mod outages;
mod plans;
#[path = "../support/random_steps.rs"]
mod random_steps;
#[path = "../support/reference.rs"]
mod reference;
mod setup;
#[path = "../support/sign_in.rs"]
mod sign_in;
mod size;
mod stores;
mod tls;
mod users;
