//! Ends whose answers are lost after the commit.

use std::time::Duration;

use async_trait::async_trait;
use auth_servers::Proxy;
use auth_store::near_cache::NearCache;
use auth_store::{PostgresStore, Store, conformance, forward_store};
use tokio::time::sleep;

use crate::stores::{POSTGRES, postgres, through};

/// A store that reports changes, and that reaches its server through a proxy.
struct Watched {
    near: NearCache<PostgresStore>,
    proxy: Proxy,
}

#[async_trait]
impl Store for Watched {
    forward_store!(self => self.near);
}

/// Returns whether an answer is that to an operation, and the last one of its transaction. Heartbeats are no
/// operations: without them, the watches would be woken because nothing is heard of the server.
fn is_of_commit(asked: &[u8], answered: &[u8]) -> bool {
    let asks = |word: &[u8]| asked.windows(word.len()).any(|bytes| bytes == word);
    (asks(b"EXECUTE auth_") || asks(b"COMMIT")) && answered.ends_with(b"Z\0\0\0\x05I")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_completes_at_an_end_whose_answer_was_lost() {
    let fresh = async || {
        let proxy = Proxy::to(POSTGRES.port()).await;
        let url = through(&proxy, POSTGRES.port(), &postgres());
        let store = PostgresStore::builder(url).migrate().connect().await.expect("it runs");
        let near = NearCache::<PostgresStore>::builder().build(store);
        while near.stats().lease.is_none() {
            sleep(Duration::from_millis(10)).await;
        }
        Watched { near, proxy }
    };
    let lose = |watched: &Watched, loses| {
        watched.proxy.lose_if(if loses { usize::MAX } else { 0 }, is_of_commit);
    };
    conformance::check_lost_answers(fresh, lose).await.assert_passed();
}
