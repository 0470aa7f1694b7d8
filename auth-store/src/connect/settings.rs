//! How a store is opened.

use auth_core::Clock;

use super::front::Front;

/// How a store is opened.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) migrate: bool,
    pub(super) front: Front,
    pub(super) clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self { migrate: false, front: Front::default(), clock: Clock::system() }
    }
}
