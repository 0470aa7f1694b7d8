//! A near cache in front of PostgreSQL: a sign-in that ends on any node is not answered from memory
//! for longer than the maximum staleness.

mod kit;
mod lost_answers;
mod outages;

use auth_store::PostgresStore;

use crate::support::nodes::{Failover, Nodes, STEP_TIMEOUT};

/// Starts a node with a cache, and one without, which may reach the server by different URLs.
async fn nodes(near: String, remote: String) -> Nodes<PostgresStore> {
    let store = |url| PostgresStore::builder(url).migrate().timeout(STEP_TIMEOUT);
    let remote = store(remote).connect().await.expect("it runs");
    let near = store(near).connect().await.expect("it runs");
    Nodes::new(near, remote, Failover::Keeps).await
}
