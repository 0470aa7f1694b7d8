//! Nothing: this build has no near cache.

use std::sync::Arc;

use crate::store::{IntoStore, Store};

#[derive(Clone, Debug, Default)]
pub(in crate::connect) struct Front;

impl Front {
    pub(in crate::connect) fn of_announcing<S: Store>(self, store: S) -> Arc<dyn Store> {
        store.into_store()
    }

    pub(in crate::connect) fn of_silent<S: Store>(self, store: S) -> Arc<dyn Store> {
        store.into_store()
    }
}
