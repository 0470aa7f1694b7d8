//! How a store is opened.

use super::front::Front;

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenOptions {
    pub(super) migrate: bool,
    pub(super) front: Front,
}
