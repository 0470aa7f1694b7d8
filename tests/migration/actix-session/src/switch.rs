use std::collections::HashMap;

use auth_session::{Auth, AuthError, Clock, Principal, Session, Timestamp};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::cookie::{Cookie, Key, PrivateCookieJar};

/// Old cookies are not accepted any more. The old application cannot revoke them, so this is soon.
pub const END: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Reads what actix-session has stored in its cookie `id`: JSON in a map, encrypted with its key.
fn value<T: serde::de::DeserializeOwned>(jar: &PrivateCookieJar, name: &str) -> Option<T> {
    let cookie = jar.get("id")?; // `None` if it was not encrypted with this key
    let state: HashMap<String, String> = serde_json::from_str(cookie.value()).ok()?;
    serde_json::from_str(state.get(name)?).ok()
}

/// Replaces an old session by a sign-in.
async fn exchange(
    State((key, clock)): State<(Key, Clock)>,
    auth: Auth,
    new: Session,
    request: Request,
    next: Next,
) -> Result<Response, AuthError> {
    let jar = PrivateCookieJar::from_headers(request.headers(), key);
    if clock.now() < END && auth.identity().is_none() {
        if let Some(cart) = value::<Vec<String>>(&jar, "cart") {
            new.insert("cart", &cart)?;
        }
        if let Some(user) = value::<String>(&jar, "user") {
            // The old session does not state when the user logged in, so no step-up accepts it.
            auth.sign_in(Principal::new(user)).authenticated_at(Timestamp::EPOCH).await?;
        }
    }
    let removed = jar.remove(Cookie::build("id").path("/")); // nothing if the request has none
    Ok((removed, next.run(request).await).into_response())
}

/// Call this with the new application's routes, before its layer is added. The key is that of actix-session.
pub fn with_old_sessions(routes: Router, key: &[u8], clock: Clock) -> Router {
    routes.layer(from_fn_with_state((Key::from(key), clock), exchange))
}
