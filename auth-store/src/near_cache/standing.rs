//! What is told about hearing.

use std::error::Error;

use crate::error::StoreError;

/// Whether changes are heard of, as it was told last. Only what is new is worth a warning: while a
/// store is away, every try to listen fails.
#[derive(Debug, Default)]
pub(super) enum Health {
    #[default]
    Unknown,
    Hears,
    Deaf,
}

impl Health {
    /// Copies are believed.
    pub(super) fn hears(&mut self) {
        if !matches!(self, Self::Hears) {
            tracing::info!("changes are heard of: copies are believed");
            *self = Self::Hears;
        }
    }

    /// Copies are not believed.
    pub(super) fn deaf(&mut self, error: &StoreError) {
        let error = error as &dyn Error;
        if matches!(self, Self::Deaf) {
            tracing::debug!(error, "changes are still not heard of");
        } else {
            tracing::warn!(error, "changes are not heard of: every request asks the store");
            *self = Self::Deaf;
        }
    }

    /// The lease has run out by itself, if there was one.
    pub(super) fn expired(&mut self) {
        if matches!(self, Self::Hears) {
            self.deaf(&StoreError::unavailable("no sign of life comes back"));
        }
    }
}
