//! Many nodes that change the same data concurrently.
//!
//! Each change is a compare-and-swap, and one that loses is tried again. No change may be lost, and none
//! may give up.

use std::time::Duration;

use auth_core::Clock;
use auth_servers::RedisServer;
use auth_store::RedisStore;
use http::Response;

use crate::node::{Node, add};

const NODES: usize = 8;
const ADDITIONS: usize = 800;

/// Regression: a node gave up after 16 conflicts, without a pause between the attempts.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_additions_of_many_nodes_to_one_cart_succeed() {
    let server = RedisServer::start();
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(Node::new(RedisStore::connect(server.url()).await.unwrap()));
    }
    let cookie = nodes[0].sign_in().await;
    let calls: Vec<_> = (0..ADDITIONS)
        .map(|number| {
            let (node, cookie) = (nodes[number % NODES].clone(), cookie.clone());
            tokio::spawn(async move {
                let handler = async |head| {
                    let clock = Clock::system();
                    // Measured from here, because before that the requests of a node wait for each other.
                    let start = clock.monotonic();
                    let saved = add(&head).save().await;
                    let took = clock.monotonic() - start;
                    saved.unwrap_or_else(|error| panic!("after {took:?}: {error:?}"));
                    Response::new(took.as_micros().to_string())
                };
                let response = node.inside(Some(&cookie), handler).await;
                assert_eq!(response.status(), 200);
                Duration::from_micros(response.body().parse().unwrap())
            })
        })
        .collect();
    let mut took = Vec::new();
    for call in calls {
        took.push(call.await.unwrap());
    }
    took.sort();
    for node in &nodes {
        assert_eq!(node.items(&cookie).await as usize, ADDITIONS);
    }
    let (median, worst) = (took[ADDITIONS / 2], took[ADDITIONS - 1]);
    println!("{ADDITIONS} additions on {NODES} nodes: {median:?} median, {worst:?} at worst");
}
