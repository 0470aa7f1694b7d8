//! A store that announces does so when it is metered.

use async_trait::async_trait;

use super::metered::InstrumentedStore;
use crate::error::StoreError;
use crate::near_cache::{Announcements, Announces, Beat, Source};

#[async_trait]
impl<S: Announces> Announces for InstrumentedStore<S> {
    async fn listen(&self) -> Result<Box<dyn Announcements>, StoreError> {
        self.count("listen", self.store.listen()).await
    }

    async fn beat(&self, beat: Beat) -> Result<Vec<Source>, StoreError> {
        self.count("beat", self.store.beat(beat)).await
    }
}
