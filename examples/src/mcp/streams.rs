//! Streams of events that end with the sign-in or the token of their request.

use std::time::Duration;

use auth_core::{Auth, AuthErrorKind};
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use http::{HeaderMap, header};
use tokio::time::sleep;

/// How often the credential of an open stream is verified again. A stored sign-in ends its streams at once.
/// A token of a provider may have been revoked, which only a new verification notices.
const REVALIDATION: Duration = Duration::from_secs(1);

/// Ends a response that is a stream of events as soon as its credential is not valid any more. The layer goes
/// inside of the authentication layer.
pub async fn end_with_sign_in(auth: Auth, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if !is_event_stream(response.headers()) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let body = body.into_data_stream().take_until(Box::pin(ended(auth)));
    Response::from_parts(parts, Body::from_stream(body))
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type
        .is_some_and(|it| it.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

/// Waits until the credential is not valid any more.
async fn ended(auth: Auth) {
    let mut end = auth.ended();
    loop {
        tokio::select! {
            _ = &mut end => return,
            () = sleep(REVALIDATION) => match auth.revalidate().await {
                Err(error) if error.kind() == AuthErrorKind::Unauthenticated => return,
                // While the store is unavailable, `ended` waits for a bounded time.
                Ok(_) | Err(_) => {}
            }
        }
    }
}
