//! The routes, and the layers around them.

use auth_core::{AuthLayer, Require};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{map_response, map_response_with_state};
use axum::routing::{delete, get, post};

use super::backend::Backend;
use super::headers::{self, Exposure};
use super::{account, cart, devices, errors, events, login, page, refresh};
use crate::users::Users;

/// The most bytes of a request's body: a password or an item of the cart is short.
const BODY: usize = 16 * 1024;

/// The whole shop: the routes behind this backend, the open ones, and the headers around them. Any
/// authenticator of the shop's users is a backend.
pub fn app(users: Users, backend: impl Into<Backend>, transport: Exposure) -> Router {
    let Backend { auth, open: of_backend } = backend.into();
    router(users)
        .layer(AuthLayer::new(auth).optional())
        .merge(open().merge(of_backend))
        .layer(map_response(errors::to_json))
        .layer(map_response_with_state(transport, headers::add))
}

/// The routes that depend on who asks, without the authentication layer that they need.
pub fn router(users: Users) -> Router {
    Router::new()
        .route("/login", post(login::login))
        .route("/me", get(account::me))
        .route("/admin", get(account::admin).route_layer(admin()))
        .route("/events", get(events::events))
        .route("/refresh", post(refresh::refresh))
        .route("/logout", post(account::logout))
        .merge(of_devices())
        .route("/cart", get(cart::show).post(cart::add))
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(users)
}

/// Somebody who is an admin by the store itself: a copy could be two seconds late.
fn admin() -> Require {
    Require::all([Require::revalidated(), Require::role("admin")])
}

/// What a token may do only if it was not narrowed to less. Whoever ends sign-ins has one that
/// stands, by the store itself: a stolen one that has just been ended ends no others.
fn of_devices() -> Router<Users> {
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

/// The routes that are the same for everybody: they answer even when the store does not.
fn open() -> Router {
    page::router().route("/healthz", get(async || "ok"))
}
