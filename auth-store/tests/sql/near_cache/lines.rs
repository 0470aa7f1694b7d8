//! Lines that bring nothing, while nobody hangs up.

use auth_servers::{Held, PostgresServer, Proxy};

use super::node::Nodes;

/// The URL of a server by another way.
fn by(proxy: &Proxy, server: &PostgresServer) -> String {
    let (from, to) = (format!(":{}/", server.port()), format!(":{}/", proxy.port()));
    server.url().replace(&from, &to)
}

async fn doubts_a_line_that_holds(held: Held) {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port()).await;
    let nodes = Nodes::by(by(&proxy, &server), server.url()).await;
    let (first, second) = (nodes.believed().await, nodes.believed().await);
    proxy.hold(held);
    let ended = nodes.end(first).await;
    nodes.never_believes(&ended, "the lease has run out", || !nodes.has_lease()).await;
    assert!(!nodes.believes(&second));
    proxy.hold(Held::default());
    nodes.never_believes(&ended, "there is a lease again", || nodes.has_lease()).await;
    nodes.learn(&second).await;
    nodes.recovers().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_believed_while_answers_are_held() {
    doubts_a_line_that_holds(Held { answered: true, ..Held::default() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_believed_while_questions_are_held() {
    doubts_a_line_that_holds(Held { asked: true, ..Held::default() }).await;
}

/// Old connections are gone for good and do not say so; new ones can be made at once.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_never_come_back_are_given_up() {
    let server = PostgresServer::start();
    let proxy = Proxy::to(server.port()).await;
    let nodes = Nodes::by(by(&proxy, &server), server.url()).await;
    let sid = nodes.believed().await;
    let generation = nodes.generation();
    proxy.hold(Held { first: proxy.opened(), ..Held::default() });
    let ended = nodes.end(sid).await;
    let again = || nodes.generation() > generation && nodes.has_lease();
    nodes.never_believes(&ended, "it listens anew", again).await;
    nodes.recovers().await;
}
