use auth_session::{Auth, AuthError, AuthErrorKind, Clock, Principal, Timestamp};
use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum_login::{AuthManagerLayerBuilder, AuthSession};
use tower_sessions::{SessionManagerLayer, SessionStore};

use crate::before::Users; // `AuthUser` and `AuthnBackend` stay until then

/// The last old session ends then: two weeks after the old release is gone, the default of tower-sessions.
pub const END: Timestamp = Timestamp::from_secs(1_800_000_000);

/// Replaces an old session by a sign-in. axum-login has found its user, and compared the hash.
async fn exchange(
    State(clock): State<Clock>,
    auth: Auth,
    mut old: AuthSession<Users>,
    request: Request,
    next: Next,
) -> Result<Response, AuthError> {
    if clock.now() < END
        && let Some(user) = old.user.clone()
    {
        // First, so that it cannot be exchanged again.
        let ended = old.logout().await;
        ended.map_err(|error| AuthError::new(AuthErrorKind::Unavailable, error))?;
        if auth.identity().is_none() {
            // The old session does not state when the user logged in, so no step-up accepts it.
            auth.sign_in(Principal::new(user.name))
                .auth_hash(user.password_hash)
                .authenticated_at(Timestamp::EPOCH)
                .await?;
        }
    }
    Ok(next.run(request).await)
}

/// Call this with the new application's routes, before its layer is added.
pub fn with_old_sessions(
    routes: Router,
    users: Users,
    store: impl SessionStore + Clone,
    clock: Clock,
) -> Router {
    let old = AuthManagerLayerBuilder::new(users, SessionManagerLayer::new(store)).build();
    routes.layer(from_fn_with_state(clock, exchange)).layer(old)
}
