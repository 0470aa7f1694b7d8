//! The routes of the shop that depend on the user, and what they require.

use auth_core::Require;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post};

use super::{account, cart, devices, events, login};
use crate::users::Users;

/// The size limit of a request body, in bytes. The longest bodies are a password or an item.
const MAX_BODY: usize = 16 * 1024;

/// Returns the routes that need the authentication layer, without the layer.
pub fn router(users: Users) -> Router {
    Router::new()
        .route("/login", post(login::login))
        .route("/me", get(account::me))
        .route("/admin", get(account::admin).route_layer(admin()))
        .route("/events", get(events::events))
        .route("/refresh", post(account::refresh))
        .route("/logout", post(account::logout))
        .merge(devices())
        .route("/cart", get(cart::show).post(cart::add))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(users)
}

/// Requires the role `admin`, by the store's current record: a cached sign-in could still have a role
/// that was revoked up to two seconds ago.
fn admin() -> Require {
    Require::all([Require::revalidated(), Require::role("admin")])
}

/// Returns the device routes. They require the scope `devices`, which a client can drop when it
/// refreshes its token.
///
/// The routes that end sign-ins also require that the store confirms the caller's own sign-in. So a
/// stolen credential that was revoked a moment ago cannot end the user's other sign-ins.
fn devices() -> Router<Users> {
    let ending = Router::new()
        .route("/logout-others", post(devices::logout_others))
        .route("/logout-everywhere", post(devices::logout_everywhere))
        .route("/devices/{sign_in}", delete(devices::end))
        .route_layer(Require::revalidated());
    Router::new()
        .route("/devices", get(devices::list))
        .merge(ending)
        .route_layer(Require::scope("devices"))
}
