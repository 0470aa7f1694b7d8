//! What the shop tells by itself: server-sent events, for as long as the sign-in lasts.

use std::convert::Infallible;
use std::future::{pending, ready};

use auth_core::{Auth, Identity};
use axum::Extension;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue};

use crate::stopping::Stopping;
use crate::users::User;

/// Tells nginx to pass on what comes as it comes: otherwise it may keep it together first
/// (`proxy_buffering`).
const PASSED_ON: [(HeaderName, HeaderValue); 1] =
    [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];

/// `event: hello` with the user's name, comments while there is nothing to tell, and at the end of
/// the sign-in `event: ended` with how it ended. If the shop stops, the stream ends without: whoever
/// listens comes back.
pub(super) async fn events(
    me: Identity<User>,
    auth: Auth<User>,
    stopping: Option<Extension<Stopping>>,
) -> impl IntoResponse {
    let ended = auth.ended();
    let last = async move {
        let stops = async {
            match stopping {
                Some(Extension(stopping)) => stopping.told().await,
                None => pending().await,
            }
        };
        tokio::select! {
            ended = ended => Some(Event::default().event("ended").data(ended.as_str())),
            () = stops => None,
        }
    };
    let hello = Event::default().event("hello").data(me.claims().display_name.as_str());
    let events = stream::once(ready(Some(hello))).chain(stream::once(last));
    let events = events.filter_map(ready).map(Ok::<_, Infallible>);
    (PASSED_ON, Sse::new(events).keep_alive(KeepAlive::default()))
}
