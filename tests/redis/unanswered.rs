//! A server that hangs after it has received a step, and before it answers.
//!
//! The client cannot know whether the step was taken, so sending it again must not take it twice.

use std::sync::Arc;

use auth_core::AuthErrorKind;
use auth_servers::RedisServer;
use auth_store::RedisStore;
use http::Response;
use http::request::Parts;

use crate::hanging::Hanging;
use crate::node::{Node, add};

/// Regression: an update that had reached the hung server was sent again with the response.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_a_hung_server_takes_late_counts_once() {
    let server = Arc::new(RedisServer::start());
    let hanging = Hanging::over(RedisStore::connect(server.url()).await.unwrap(), &server);
    let node = Node::new(Arc::clone(&hanging));
    let cookie = node.sign_in().await;
    for round in 1..=3 {
        hanging.hang_at_the_next_update();
        let handler = async |head: Parts| {
            let error = add(&head).save().await.unwrap_err();
            assert_eq!(error.kind(), AuthErrorKind::Unavailable);
            server.go_on();
            Response::default()
        };
        assert_eq!(node.inside(Some(&cookie), handler).await.status(), 200);
        assert_eq!(node.items(&cookie).await, round, "in round {round}");
    }
}
