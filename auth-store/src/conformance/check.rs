//! One rule, and how a store is put to it.

use std::fmt;
use std::sync::Arc;

use auth_core::BoxFuture;

use super::report::{Outcome, Violation};
use crate::store::{IntoStore, Store};

/// One rule of the contract of [`Store`].
pub struct Check {
    name: &'static str,
    put: fn(Arc<dyn Store>) -> BoxFuture<Outcome>,
}

impl Check {
    pub(super) const fn new(
        name: &'static str,
        put: fn(Arc<dyn Store>) -> BoxFuture<Outcome>,
    ) -> Self {
        Self { name, put }
    }

    /// The rule in words, written as the name of a test: `update_never_creates`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Puts an empty store to this rule.
    ///
    /// # Errors
    /// If the store breaks the rule, fails, or panics.
    pub async fn run(&self, store: impl IntoStore) -> Result<(), Violation> {
        match tokio::spawn((self.put)(store.into_store())).await {
            Ok(outcome) => outcome,
            Err(error) => Err(Violation::new(format!("the store panicked: {error}"))),
        }
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}
