//! A server that ends, hangs, hangs up or is full, and connections that bring nothing.

use auth_servers::{Held, Proxy, RedisServer, TestServer};

use super::nodes::RedisNodes;
use crate::support::near_cache as shared;
use crate::support::nodes::MAX_STALENESS;

#[tokio::test]
async fn two_hundred_ends_reach_the_cache() {
    let server = RedisServer::start();
    shared::counts_two_hundred_ends(&*RedisNodes::on(server.url()).await).await;
}

#[tokio::test]
async fn a_killed_server_ends_the_lease_until_it_runs_again() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let nodes = RedisNodes::on(server.url()).await;
    shared::loses_the_lease_with_the_server(&mut server, &nodes).await;
}

#[tokio::test]
async fn a_hung_server_does_not_renew_the_lease() {
    let server = RedisServer::start();
    let nodes = RedisNodes::on(server.url()).await;
    shared::outlives_a_hung_server(&server, &nodes).await;
}

#[tokio::test]
async fn a_lost_subscription_drops_every_entry() {
    let server = RedisServer::start();
    let nodes = RedisNodes::on(server.url()).await;
    let end_subscription = || {
        let _ = server.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
    };
    shared::drops_everything_without_its_listener(&nodes, end_subscription).await;
}

async fn loses_the_lease_while(held: Held) {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let nodes = RedisNodes::through(server.url_through(&proxy), server.url()).await;
    shared::loses_the_lease_while_held(&proxy, &nodes, held).await;
}

#[tokio::test]
async fn held_answers_end_the_lease() {
    loses_the_lease_while(Held { answered: true, ..Held::default() }).await;
}

#[tokio::test]
async fn held_requests_end_the_lease() {
    loses_the_lease_while(Held { asked: true, ..Held::default() }).await;
}

#[tokio::test]
async fn held_requests_and_answers_end_the_lease() {
    loses_the_lease_while(Held { asked: true, answered: true, first: 0 }).await;
}

#[tokio::test]
async fn connections_that_bring_nothing_are_replaced() {
    let server = RedisServer::start();
    let proxy = Proxy::to(server.port()).await;
    let nodes = RedisNodes::through(server.url_through(&proxy), server.url()).await;
    shared::replaces_dead_connections(&proxy, &nodes).await;
}

/// The write of a heartbeat needs no memory.
#[tokio::test]
async fn a_full_server_still_renews_the_lease() {
    let server = RedisServer::start();
    let nodes = RedisNodes::on(server.url()).await;
    let (id, other) = (nodes.cached_sign_in().await, nodes.cached_sign_in().await);
    let generation = nodes.generation();
    let _ = server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    let since = nodes.now();
    let is_over = || nodes.now() > since + 2 * MAX_STALENESS;
    nodes.until("a lease would have run out twice", is_over).await;
    assert!(nodes.is_cached(&id) && nodes.is_cached(&other));
    let ended = nodes.end(id).await;
    nodes.stays_ended_until(&ended, "it is not cached", || !nodes.is_cached(&id)).await;
    assert!(nodes.is_cached(&other));
    assert_eq!(nodes.generation(), generation);
}
