//! A store whose server hangs on request.
//!
//! The test chooses the moment: the server is stopped just before an update is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auth_core::SignInId;
use auth_servers::RedisServer;
use auth_store::{CompareAndSwap, RedisStore, SessionData, Store, StoreError, forward_store};

/// Stops its server just before an update is sent, if the test has requested that.
pub(crate) struct Hanging {
    store: RedisStore,
    server: Arc<RedisServer>,
    hangs: AtomicBool,
}

impl Hanging {
    pub(crate) fn over(store: RedisStore, server: &Arc<RedisServer>) -> Arc<Self> {
        Arc::new(Self { store, server: Arc::clone(server), hangs: AtomicBool::new(false) })
    }

    pub(crate) fn hang_at_the_next_update(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl Store for Hanging {
    forward_store!(self => self.store, except: [update]);

    async fn update(
        &self,
        id: &SignInId,
        version: u64,
        data: SessionData,
    ) -> Result<CompareAndSwap, StoreError> {
        if self.hangs.swap(false, Ordering::SeqCst) {
            self.server.hang();
        }
        self.store.update(id, version, data).await
    }
}
