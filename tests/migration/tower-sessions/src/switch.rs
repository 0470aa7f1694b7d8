use auth_session::{Auth, AuthError, AuthErrorKind, Clock, Principal, Session, Timestamp};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tower_sessions::{SessionManagerLayer, SessionStore};

/// The last old session ends then: one hour after the old release is gone.
pub const END: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Replaces an old session by a sign-in.
async fn exchange(
    State(clock): State<Clock>,
    auth: Auth,
    new: Session,
    old: tower_sessions::Session,
    request: Request,
    next: Next,
) -> Result<Response, AuthError> {
    if clock.now() < END {
        replace(&auth, &new, &old).await?;
    }
    Ok(next.run(request).await)
}

async fn replace(
    auth: &Auth,
    new: &Session,
    old: &tower_sessions::Session,
) -> Result<(), AuthError> {
    let failed = |error| AuthError::new(AuthErrorKind::Unavailable, error);
    let user: Option<String> = old.get("user").await.map_err(failed)?;
    let cart: Option<Vec<String>> = old.get("cart").await.map_err(failed)?;
    if user.is_none() && cart.is_none() {
        return Ok(()); // there is no old session
    }
    old.flush().await.map_err(failed)?; // first, so that it cannot be exchanged again
    if auth.identity().is_some() {
        return Ok(()); // the user has logged in since
    }
    if let Some(cart) = cart {
        new.insert("cart", &cart)?;
    }
    if let Some(user) = user {
        // The old session does not state when the user logged in, so no step-up accepts it.
        auth.sign_in(Principal::new(user)).authenticated_at(Timestamp::EPOCH).await?;
    }
    Ok(())
}

/// Call this with the new application's routes, before its layer is added.
pub fn with_old_sessions(routes: Router, store: impl SessionStore + Clone, clock: Clock) -> Router {
    routes.layer(from_fn_with_state(clock, exchange)).layer(SessionManagerLayer::new(store))
}
