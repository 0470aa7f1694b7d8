use auth_session::{Auth, AuthError, Clock, Principal, Session, Timestamp};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum_session::{SessionLayer, SessionNullPool, SessionStore};

/// The last old session ends then: the lifetime of the old sessions after the old release is gone.
pub const END: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Replaces an old session by a sign-in.
async fn exchange(
    State(clock): State<Clock>,
    auth: Auth,
    new: Session,
    old: axum_session::Session<SessionNullPool>,
    request: Request,
    next: Next,
) -> Result<Response, AuthError> {
    let user: Option<String> = old.get_remove("user"); // so that it cannot be exchanged again
    let cart: Option<Vec<String>> = old.get_remove("cart");
    old.destroy();
    if clock.now() < END && auth.identity().is_none() {
        if let Some(cart) = cart {
            new.insert("cart", &cart)?;
        }
        if let Some(user) = user {
            // The old session does not state when the user logged in, so no step-up accepts it.
            auth.sign_in(Principal::new(user)).authenticated_at(Timestamp::EPOCH).await?;
        }
    }
    Ok(next.run(request).await)
}

/// Call this with the new application's routes, before its layer is added.
pub fn with_old_sessions(
    routes: Router,
    store: SessionStore<SessionNullPool>,
    clock: Clock,
) -> Router {
    routes.layer(from_fn_with_state(clock, exchange)).layer(SessionLayer::new(store))
}
