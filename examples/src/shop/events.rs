//! `GET /events`: server-sent events for as long as the sign-in lasts.
//!
//! A stream is authenticated once, when it opens. It has to end with the sign-in, whichever shop ends
//! it: `Auth::ended` resolves at that moment.

use std::convert::Infallible;
use std::future::{pending, ready};

use auth_core::{Auth, Identity};
use axum::Extension;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{StreamExt as _, stream};
use http::{HeaderName, HeaderValue};

use crate::serve::Shutdown;
use crate::users::User;

/// Disables the response buffer of nginx (`proxy_buffering`), which would delay events.
const UNBUFFERED: [(HeaderName, HeaderValue); 1] =
    [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];

/// Sends `event: hello` with the user's name, comments to keep the connection alive, and `event: ended`
/// with the reason when the sign-in ends. If the shop shuts down, the stream ends without an event,
/// and the client reconnects.
pub(super) async fn events(
    me: Identity<User>,
    auth: Auth<User>,
    shutdown: Option<Extension<Shutdown>>,
) -> impl IntoResponse {
    let ended = auth.ended();
    let last = async move {
        let shutdown = async {
            match shutdown {
                Some(Extension(shutdown)) => shutdown.requested().await,
                None => pending().await,
            }
        };
        tokio::select! {
            reason = ended => Some(Event::default().event("ended").data(reason.as_str())),
            () = shutdown => None,
        }
    };
    let hello = Event::default().event("hello").data(me.claims().display_name.as_str());
    let events = stream::once(ready(Some(hello))).chain(stream::once(last));
    let events = events.filter_map(ready).map(Ok::<_, Infallible>);
    (UNBUFFERED, Sse::new(events).keep_alive(KeepAlive::default()))
}
