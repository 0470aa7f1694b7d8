//! A near cache, where it can be had.

use std::sync::Arc;
use std::time::Duration;

use crate::near_cache::{Announces, NearCacheBuilder};
use crate::store::{IntoStore, Store};

/// Which near cache is asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::connect) struct Front {
    near: Option<NearCacheBuilder>,
    stale_for: Option<Duration>,
}

impl Front {
    pub(in crate::connect) fn near(self, near: NearCacheBuilder) -> Self {
        Self { near: Some(near), ..self }
    }

    pub(in crate::connect) fn stale_for(self, staleness: Duration) -> Self {
        Self { stale_for: Some(staleness), ..self }
    }

    /// In front of a store that announces what it changes.
    pub(in crate::connect) fn of_announcing<S: Announces>(self, store: S) -> Arc<dyn Store> {
        match self.near {
            Some(near) => near.build(store).into_store(),
            None => store.into_store(),
        }
    }

    /// In front of one that announces nothing: only for those who say for how long a copy is believed.
    pub(in crate::connect) fn of_silent<S: Store>(self, store: S) -> Arc<dyn Store> {
        match (self.near, self.stale_for) {
            (near, Some(staleness)) => {
                near.unwrap_or_default().with_ttl(store, staleness).into_store()
            }
            (Some(_), None) => {
                tracing::info!(
                    "no near cache: this store announces nothing, and is asked on every request"
                );
                store.into_store()
            }
            (None, None) => store.into_store(),
        }
    }
}
