//! Requests that are sent in the same moment.

use std::sync::Arc;

use tokio::sync::Barrier;

use super::client::Call;
use super::reply::Reply;

/// Sends all of them as soon as all are ready to be sent.
pub(crate) async fn at_once(calls: impl IntoIterator<Item = Call>) -> Vec<Reply> {
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
