//! What the tests of several stores need: sign-ins to store, two nodes of which one has a near
//! cache, and what every store has to do during an outage.
//!
//! Each test binary includes this folder by its path, and passes its own servers and stores.

pub(crate) mod error_text;
pub(crate) mod near_cache;
pub(crate) mod nodes;
pub(crate) mod outages;
pub(crate) mod sign_in;
