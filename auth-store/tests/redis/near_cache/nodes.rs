//! Two nodes on the same Redis servers, with keys of their own.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};

use auth_core::SignInId;
use auth_store::RedisStore;

use crate::support::nodes::{Failover, Nodes, STEP_TIMEOUT};

/// Two nodes that share a prefix, which no other test uses.
pub(crate) struct RedisNodes {
    nodes: Nodes<RedisStore>,
    url: String,
    prefix: String,
}

impl RedisNodes {
    /// Connects both nodes to the servers at this URL.
    pub(crate) async fn on(url: String) -> Self {
        Self::through(url.clone(), url).await
    }

    /// Connects the node with the cache by a URL of its own, such as that of a proxy.
    pub(crate) async fn through(near: String, remote: String) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("near{}:", NUMBER.fetch_add(1, Ordering::Relaxed));
        let store = |url| RedisStore::builder(url).prefix(&prefix).timeout(STEP_TIMEOUT);
        let near = store(near).connect().await.expect("they run");
        let url = remote.clone();
        let remote = store(remote).connect().await.expect("they run");
        let nodes = Nodes::new(near, remote, Failover::MayLose).await;
        Self { nodes, url, prefix }
    }

    /// Connects one more node.
    pub(crate) async fn another(&self) -> RedisStore {
        let another = RedisStore::builder(self.url.clone()).prefix(self.prefix.clone());
        another.connect().await.expect("they run")
    }

    /// Returns what the keys of a sign-in begin with. A cluster hashes the part in braces.
    pub(crate) fn key_base(&self, id: &SignInId) -> String {
        let [high, low, ..] = *id.as_bytes();
        format!("{}{{{high:02x}{low:02x}}}:", self.prefix)
    }
}

impl Deref for RedisNodes {
    type Target = Nodes<RedisStore>;

    fn deref(&self) -> &Self::Target {
        &self.nodes
    }
}
