//! What the tests of several stores need: sign-ins to store, many of one subject, two nodes of which one has
//! a near cache, what every store has to do during an outage, and random steps.
//!
//! Each test binary includes this folder by its path, and passes its own servers and stores.

pub(crate) mod error_text;
pub(crate) mod many;
pub(crate) mod near_cache;
pub(crate) mod nodes;
pub(crate) mod outages;
pub(crate) mod random_steps;
pub(crate) mod reference;
pub(crate) mod sign_in;
