//! A store whose server hangs on request.
//!
//! The test chooses the moment: the server is stopped just before an update is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use auth_servers::RedisServer;
use auth_store::{RedisStore, Store, forward_store};

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

    async fn hanging<T>(&self, step: &str, call: impl Future<Output = T>) -> T {
        if step == "update" && self.hangs.swap(false, Ordering::SeqCst) {
            self.server.hang();
        }
        call.await
    }
}

#[async_trait]
impl Store for Hanging {
    forward_store!(self => self.store, around: hanging);
}
