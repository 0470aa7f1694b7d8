//! A server that ends, hangs or hangs up, and connections that bring nothing.

use auth_servers::{Held, PostgresServer, Proxy, TestServer};

use super::nodes;
use crate::support::near_cache as shared;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_ends_reach_the_cache() {
    let server = PostgresServer::start();
    shared::counts_two_hundred_ends(&nodes(server.url(), server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_ends_the_lease_until_it_runs_again() {
    let mut server = PostgresServer::start();
    let nodes = nodes(server.url(), server.url()).await;
    shared::loses_the_lease_with_the_server(&mut server, &nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_does_not_renew_the_lease() {
    let server = PostgresServer::start();
    let nodes = nodes(server.url(), server.url()).await;
    shared::outlives_a_hung_server(&server, &nodes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_listener_drops_every_entry() {
    let server = PostgresServer::start();
    let nodes = nodes(server.url(), server.url()).await;
    let end_listener = || {
        let listening = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE query LIKE 'LISTEN%'";
        let _ = server.ask(listening);
    };
    shared::drops_everything_without_its_listener(&nodes, end_listener).await;
}

async fn loses_the_lease_while(held: Held) {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port()).await;
    let nodes = nodes(server.url_through(&proxy), server.url()).await;
    shared::loses_the_lease_while_held(&proxy, &nodes, held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_answers_end_the_lease() {
    loses_the_lease_while(Held { answered: true, ..Held::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn held_requests_end_the_lease() {
    loses_the_lease_while(Held { asked: true, ..Held::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_bring_nothing_are_replaced() {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port()).await;
    let nodes = nodes(server.url_through(&proxy), server.url()).await;
    shared::replaces_dead_connections(&proxy, &nodes).await;
}
