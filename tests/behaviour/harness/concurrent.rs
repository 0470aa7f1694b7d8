//! Requests that are sent at the same moment.

use std::sync::Arc;

use tokio::sync::Barrier;

use super::client::Call;
use super::reply::Reply;

/// Sends all requests as soon as all are ready, and returns their replies in order.
pub(crate) async fn send_concurrently(calls: impl IntoIterator<Item = Call>) -> Vec<Reply> {
    let calls: Vec<Call> = calls.into_iter().collect();
    let start = Arc::new(Barrier::new(calls.len()));
    let sent: Vec<_> = calls
        .into_iter()
        .map(|call| {
            let start = Arc::clone(&start);
            tokio::spawn(async move {
                start.wait().await;
                call.await
            })
        })
        .collect();
    let mut replies = Vec::new();
    for reply in sent {
        replies.push(reply.await.unwrap());
    }
    replies
}
