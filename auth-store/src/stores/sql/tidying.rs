//! When it is time to tidy up.

use std::sync::atomic::{AtomicBool, AtomicU64};

/// What was counted, and what is due.
#[derive(Default)]
pub(super) struct Tidying {
    /// How many sign-ins were created here, and how many of them anonymous.
    pub(super) created: AtomicU64,
    pub(super) created_anonymous: AtomicU64,
    /// Whether anonymous sign-ins have to be held to their quota, until that was done.
    pub(super) eviction_due: AtomicBool,
    /// Whether somebody tidies up already.
    pub(super) under_way: AtomicBool,
}
